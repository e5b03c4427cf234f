import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FeedEvent } from './cloud-event.ts';
import { EVENT_BATCH, eventsOf, FEED_MESSAGE, feedMessages, ONE_EVENT } from './feed-message.ts';

const ROOT = 'morningai.events';

const feedEvent = fc
  .record({
    stream: fc.constantFrom('task/a', 'task/b', 'dispatch', 'dispatch/x'),
    tenant: fc.constantFrom('default', 'acme'),
    type: fc.constantFrom('TaskSubmitted', 'AttemptStarted'),
    dataText: fc.json({ maxDepth: 1 }),
  })
  .map((drawn) => ({ ...drawn, version: 1, life: 1, recordedAt: new Date('2026-11-23T07:05:27.990Z') }));
const runOfLog = fc
  .array(feedEvent, { maxLength: 40 })
  .map((events) => events.map((event, index): FeedEvent => ({ ...event, position: index + 8 })));

test('messages hold every event once, in the order of the log, each under its own subject', () => {
  fc.assert(
    fc.property(
      runOfLog,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 2_000 }),
      (events, most, length) => {
        const messages = feedMessages(ROOT, 'log', events, { events: most, textLength: length });
        const read = messages.map((message) => ({ ...message, events: eventsOf(message.payload.toString()) }));

        expect(read.flatMap((message) => message.events.map(({ logposition }) => logposition))).toEqual(
          events.map(({ position }) => position),
        );
        for (const { subject, position, headers, payload, events: held } of read) {
          expect(
            new Set(held.map(({ tenant, type }) => `${ROOT}.${tenant}.${type.slice('morningai.'.length)}`)),
          ).toEqual(new Set([subject]));
          expect(held.at(-1)?.logposition).toBe(position);
          expect(headers['Nats-Msg-Id']).toBe(`log-${position}`);
          expect(headers['Content-Type']).toBe(held.length > 1 ? EVENT_BATCH : ONE_EVENT);
          expect(held.length).toBeLessThanOrEqual(most);
          if (held.length > 1) expect(payload.toString().length).toBeLessThanOrEqual(length + most + 1);
        }
      },
    ),
  );
});

test('events of one subject that follow one another share a message, up to its limits', () => {
  const event = (position: number, type = 'TaskSubmitted', dataText = '{}'): FeedEvent => ({
    position,
    type,
    dataText,
    stream: `task/${position}`,
    version: 1,
    life: 1,
    tenant: 'default',
    recordedAt: new Date('2026-11-23T07:05:27.990Z'),
  });
  const sizes = (events: readonly FeedEvent[]) =>
    feedMessages(ROOT, 'log', events).map(({ payload }) => eventsOf(payload.toString()).length);

  expect(sizes([])).toEqual([]);
  expect(sizes([event(1), event(2), event(3, 'TaskCompleted'), event(4)])).toEqual([2, 1, 1]);
  expect(sizes(Array.from({ length: FEED_MESSAGE.events + 1 }, (_, index) => event(index + 1)))).toEqual([
    FEED_MESSAGE.events,
    1,
  ]);
  const long = JSON.stringify('x'.repeat(FEED_MESSAGE.textLength));
  expect(sizes([event(1), event(2, 'TaskSubmitted', long), event(3)])).toEqual([1, 1, 1]);
});
