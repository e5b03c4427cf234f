import { setTimeout as delay } from 'node:timers/promises';
import type { CallerScript } from './caller-script.ts';
import { runCaller, type CallerParts } from './caller.ts';

/** Each caller at its time, all beside each other. Resolves when the last has done. */
export async function runWorkload(scripts: readonly CallerScript[], parts: CallerParts): Promise<void> {
  const { signal } = parts;
  await Promise.all(
    scripts.map(async (script) => {
      await delay(script.atMs, undefined, { signal });
      await runCaller(script, parts);
    }),
  );
}
