/**
 * Follows a task's event stream. Each event comes once and in order: a stream that breaks is opened again after the last
 * version seen. Ends when the server ends it after an outcome.
 */
import type { TaskEvent } from './client.ts';
import type { HttpCaller } from './http-caller.ts';
import { pause } from './http-caller.ts';
import { readMessages } from './server-sent-events.ts';

/** The server says something every 10 s: a stream silent for longer is dead. */
const SILENCE_MS = 30_000;
const REOPEN_MS = 250;
const OUTCOMES: ReadonlySet<string> = new Set(['TaskCompleted', 'TaskFailed', 'TaskCancelled']);

/** @throws ClientError when the stream cannot be opened within the caller's time limit; the signal's reason */
export async function* watchTask(
  http: HttpCaller,
  path: string,
  after: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TaskEvent, void> {
  for (let seen = after; ;) {
    const broken = new AbortController();
    const answer = await http.open({
      method: 'GET',
      path,
      headers: { accept: 'text/event-stream', 'last-event-id': String(seen) },
      signal: signal === undefined ? broken.signal : AbortSignal.any([signal, broken.signal]),
    });
    // No content: finished, and all of it was seen.
    if (answer.status === 204 || answer.body === null) return;
    let newest: TaskEvent | undefined;
    let silence: NodeJS.Timeout | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => broken.abort(new Error('the event stream is silent')), SILENCE_MS);
    };
    heard();
    try {
      for await (const data of readMessages(answer.body, heard)) {
        newest = JSON.parse(data) as TaskEvent;
        seen = newest.version;
        yield newest;
      }
      if (newest !== undefined && OUTCOMES.has(newest.type)) return;
    } catch {
      // Broken off. What was seen stays seen; the stream goes on from there.
      signal?.throwIfAborted();
    } finally {
      clearTimeout(silence);
      broken.abort();
    }
    await pause(REOPEN_MS, signal);
  }
}
