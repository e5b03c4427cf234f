/** Submits the demo's tasks over HTTP, in batches, each task under a key of its own; so a batch whose answer is lost is sent again. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const answer = z.object({ tasks: z.array(z.looseObject({ id: z.string().optional(), code: z.string().optional() })) });

const BATCH = 50;
const ATTEMPT_MS = 5_000;
const TRIES = 20;
const PAUSE_MS = 250;

export type Submitted = {
  /** Ids that were answered with "accepted". */
  readonly accepted: ReadonlySet<string>;
  /** Requests that had to be made again. */
  readonly repeated: number;
};

/** @param options.perSecond the pace; the first `atOnce` tasks come without it. @throws when a task is refused */
export async function submitMany(options: {
  readonly ingestUrl: string;
  readonly apiKey: string;
  readonly tasks: number;
  readonly atOnce: number;
  readonly perSecond: number;
  readonly signal: AbortSignal;
}): Promise<Submitted> {
  const { ingestUrl, apiKey, tasks, atOnce, perSecond, signal } = options;
  const accepted = new Set<string>();
  let repeated = 0;

  const post = async (body: unknown) => {
    for (let tries = 1; ; tries += 1) {
      signal.throwIfAborted();
      const response = await fetch(`${ingestUrl}/v1/tasks:batch`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
      }).catch(() => null);
      if (response?.ok) return answer.parse(await response.json()).tasks;
      if (tries === TRIES) throw new Error(`a batch was refused: ${response?.status ?? 'no answer'}`);
      repeated += 1;
      await delay(PAUSE_MS, undefined, { signal });
    }
  };

  const startedAt = performance.now();
  for (let sent = 0; sent < tasks;) {
    const wanted = Math.min(tasks, atOnce + (perSecond * (performance.now() - startedAt)) / 1_000);
    if (wanted - sent < Math.min(BATCH, tasks - sent)) {
      await delay(10, undefined, { signal });
      continue;
    }
    const batch = Array.from({ length: Math.min(BATCH, tasks - sent) }, (_, offset) => {
      const n = sent + offset + 1;
      return { agent: 'echo', input: { n, delayMs: 20 + (n % 7) * 20, steps: n % 2 }, idempotencyKey: `demo-${n}` };
    });
    for (const { id, code } of await post({ tasks: batch })) {
      if (id === undefined) throw new Error(`a task was refused: ${code ?? 'without a code'}`);
      accepted.add(id);
    }
    sent += batch.length;
  }
  return { accepted, repeated };
}
