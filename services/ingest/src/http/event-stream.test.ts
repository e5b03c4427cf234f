import { expect, test } from 'vitest';
import type { EventJson } from '../domain/event-json.ts';
import { createOpenStreams, streamEvents, type EventPage } from './event-stream.ts';

const event = (version: number, type = 'StepCompleted'): EventJson => ({
  position: version,
  version,
  type,
  data: { text: 'two\nlines' },
  recordedAt: null,
});
const page = (...events: EventJson[]): EventPage => ({ events, isFull: false });
const noWait = () => 0;
const stays = new AbortController().signal;

async function idsOf(stream: AsyncIterable<string>): Promise<number[]> {
  const text = (await Array.fromAsync(stream)).join('');
  return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
}

test('a stream goes on until the outcome, and sends each event once', async () => {
  const pages = [page(), page(event(2), event(3)), page(), page(event(4, 'TaskCompleted'))];
  const asked: number[] = [];
  const read = async (after: number) => {
    asked.push(after);
    return pages.shift() ?? page();
  };
  expect(await idsOf(streamEvents(page(event(1)), 0, read, noWait, stays))).toEqual([1, 2, 3, 4]);
  expect(asked).toEqual([1, 1, 3, 3]);
});

test('an outcome that is followed by a next life does not end the stream', async () => {
  const first: EventPage = { events: [event(1), event(2, 'TaskFailed')], isFull: true };
  const read = async () => page(event(3, 'TaskRetried'), event(4, 'TaskCompleted'));
  expect(await idsOf(streamEvents(first, 0, read, noWait, stays))).toEqual([1, 2, 3, 4]);
});

test('a read that fails is made again', async () => {
  let reads = 0;
  const read = async () => {
    if ((reads += 1) < 3) throw new Error('away');
    return page(event(2, 'TaskFailed'));
  };
  expect(await idsOf(streamEvents(page(event(1)), 0, read, noWait, stays))).toEqual([1, 2]);
});

test('a reader who leaves ends the stream', async () => {
  const gone = new AbortController();
  const read = async () => {
    gone.abort();
    return page();
  };
  expect(await idsOf(streamEvents(page(event(1)), 0, read, noWait, gone.signal))).toEqual([1]);
});

test('a message is one block: an id, a type, and one line of data', async () => {
  const [, message] = await Array.fromAsync(
    streamEvents(page(event(1, 'TaskCompleted')), 0, async () => page(), noWait, stays),
  );
  expect(message).toBe(`id: 1\nevent: TaskCompleted\ndata: ${JSON.stringify(event(1, 'TaskCompleted'))}\n\n`);
});

test('the number of open streams is bounded, and a closed one is free again', () => {
  const streams = createOpenStreams(1);
  const one = streams.open();
  expect(() => streams.open()).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  streams.open();
  expect(() => streams.open()).toThrow();
});
