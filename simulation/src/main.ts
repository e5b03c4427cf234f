import process from 'node:process';
import { createProgram } from './program.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort(new DOMException('interrupted', 'AbortError')));
}
process.exitCode = await createProgram().run(process.argv, interrupted.signal);
