import { openProxy } from '@morningai/testbed/proxy';
import type { Drill } from '../drill.ts';
import { post } from '../load.ts';
import { taskOfKey } from '../read-log.ts';

const TRIES = 4;

export const replyLost: Drill = {
  name: 'reply-lost',
  row: 'I1',
  fault: `the reply to a request is lost ${TRIES} times, and the client repeats it under the same key; then with another body`,
  expected: 'one task; 422 for the other body',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    const { stack, load, signal, violated } = stage;
    await using proxy = await openProxy({ target: stack.urls.ingestUrl });
    const through = { ingestUrl: proxy.url('http'), apiKey: stack.urls.apiKey };
    const key = `${load.book.prefix}reply-lost`;
    const body = { agent: 'echo', input: { delayMs: 100 } };
    const before = proxy.marks.halfReplies;
    proxy.halfReply(0);
    for (let time = 0; time < TRIES; time += 1) {
      const answer = await post(through, key, body, signal);
      if (answer.kind !== 'later' || answer.code !== 'no answer') violated(`the reply was not lost: ${answer.kind}`);
    }
    const after = proxy.marks.halfReplies;
    stage.mark({
      what: 'replies cut off',
      before: String(before),
      after: String(after),
      left: after - before >= TRIES,
    });
    const task = await taskOfKey(stack.pool, key);
    proxy.pass();
    const answered = await load.submit({ ...body, key });
    if (task !== undefined && answered !== task)
      violated(`the repeat was answered with ${answered}, the first is ${task}`);
    const other = await post(through, key, { ...body, input: { delayMs: 101 } }, signal);
    if (other.kind !== 'refused' || other.code !== 'IDEMPOTENCY_MISMATCH')
      violated(`another body under the same key was ${other.kind === 'accepted' ? 'accepted' : other.code}`);
  },
};
