import { setTimeout as delay } from 'node:timers/promises';
import type { Recorder } from '../history/recorder.ts';

const COMPONENTS = ['redis', 'postgres', 'nats'] as const;
const EVERY_MS = 500;
const LOOK_MS = 5_000;

/** Asks health what it thinks of each backend, again and again, until the signal aborts. */
export async function watchHealth(
  healthUrl: string,
  recorder: Pick<Recorder, 'record'>,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(COMPONENTS.map((component) => watch(component, healthUrl, recorder, signal)));
}

async function watch(
  component: string,
  healthUrl: string,
  recorder: Pick<Recorder, 'record'>,
  signal: AbortSignal,
): Promise<void> {
  const proc = `health of ${component}`;
  while (!signal.aborted) {
    recorder.record(proc, 'health', component, 'invoke');
    try {
      const answer = await fetch(`${healthUrl}/health/${component}`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]),
      });
      await answer.arrayBuffer();
      const status = answer.status === 200 ? 'up' : 'down';
      recorder.record(proc, 'health', component, 'ok', { http: answer.status, status });
    } catch {
      // Health itself is away.
      if (!signal.aborted) recorder.record(proc, 'health', component, 'info');
    }
    await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
