import process from 'node:process';
import type { Answer } from '../load-process.ts';

/** The process of a load: answers one request after the other until its parent is gone. */
export function serveLoad<Reply>(create: (settings: never) => (request: never) => Promise<Reply>): void {
  const run = create(JSON.parse(process.argv[2] ?? '{}') as never);
  const send = (answer: Answer<Reply>) => void process.send?.(answer);
  process.on('message', (request) => {
    run(request as never).then(
      (reply) => send({ reply }),
      (error: unknown) => send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  // Ctrl-C goes to the whole group: the parent decides.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
}

/** Milliseconds since 1970, of one clock for all processes of this machine, finer than Date.now(). */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
