import { setImmediate as turn } from 'node:timers/promises';
import { Writable } from 'node:stream';
import type { OrchestratorFrame, OrchestratorMessage } from '@morningai/rpc/worker';
import { describe, expect, test, vi } from 'vitest';
import { createOutbox } from './outbox.ts';

type Message = NonNullable<OrchestratorMessage['message']>;

const claim = { task: '01a00000-0000-7000-8000-000000000000', fence: 1 };
const answer: Message = { $case: 'fenced', value: { claim, reason: 'x'.repeat(1_000) } };

function assignment(inputBytes: number): Message {
  const value = { claim, agent: 'echo', agentVersion: '1', tenant: 'default', labels: {}, stepCount: 0 };
  const inputJson = JSON.stringify('x'.repeat(inputBytes - 2));
  return { $case: 'assigned', value: { ...value, inputJson, deadline: undefined, timeout: undefined } };
}

/** A worker's stream; it reads a frame when it is told to. */
function openStream() {
  const unread: (() => void)[] = [];
  const frames: OrchestratorFrame[] = [];
  const stream = new Writable({
    objectMode: true,
    write(frame: OrchestratorFrame, _, done) {
      frames.push(frame);
      unread.push(done);
    },
  });
  const readAll = async () => {
    for (let done = unread.shift(); done !== undefined; done = unread.shift()) {
      done();
      await turn();
    }
  };
  const onBehind = vi.fn<(behind: boolean) => void>();
  const onFull = vi.fn<() => void>();
  return { stream, frames, readAll, onBehind, onFull, send: createOutbox(stream, { onBehind, onFull }) };
}

describe('what is said to a worker', () => {
  test('in one turn of the event loop is one frame, and a large one is split', async () => {
    const { send, frames, readAll } = openStream();
    for (let n = 0; n < 3; n += 1) send(answer);
    await turn();
    for (let n = 0; n < 8; n += 1) send(assignment(256 * 1024));
    await turn();
    await readAll();
    expect(frames.map(({ messages }) => messages.length)).toEqual([3, 3, 3, 2]);
  });

  test('and not read gets it nothing new until it has read it', async () => {
    const { send, readAll, onBehind, onFull } = openStream();
    for (let n = 0; n < 20; n += 1) send(assignment(256 * 1024));
    await turn();
    expect(onBehind.mock.calls).toEqual([[true]]);
    await readAll();
    expect(onBehind.mock.calls).toEqual([[true], [false]]);
    expect(onFull).not.toHaveBeenCalled();
  });

  test('and never read ends its stream, once, however much it goes on asking', async () => {
    const { send, stream, onFull } = openStream();
    for (let n = 0; n < 100; n += 1) {
      for (let more = 0; more < 1_000; more += 1) send(answer);
      await turn();
    }
    expect(onFull).toHaveBeenCalledOnce();
    expect(stream.writableLength).toBeLessThan(100);
  });
});
