import { expect, test } from 'vitest';
import { cloudEventText, feedSubject } from './cloud-event.ts';

const event = {
  position: 7,
  stream: 'task/01a20739-56a3-7329-820d-883ddd72f642',
  version: 2,
  life: 1,
  tenant: 'default',
  type: 'AttemptStarted',
  dataText: '{"fence":1,"worker":"größe \\" }"}',
  recordedAt: new Date('2026-11-23T07:05:27.990Z'),
};

test('an event is a CloudEvent whose data is, byte for byte, what the log has', () => {
  const text = cloudEventText('9e659fba', event);
  expect(text.endsWith(`,"data":${event.dataText}}`)).toBe(true);
  expect(JSON.parse(text)).toEqual({
    specversion: '1.0',
    id: '9e659fba-7',
    source: '/morningai/9e659fba',
    type: 'morningai.task.AttemptStarted',
    subject: event.stream,
    time: '2026-11-23T07:05:27.990Z',
    datacontenttype: 'application/json',
    tenant: 'default',
    logposition: 7,
    streamversion: 2,
    life: 1,
    data: { fence: 1, worker: 'größe " }' },
  });
});

test('a subject has a token each for tenant, kind and type, whatever is in their names', () => {
  expect(feedSubject('morningai.events', event)).toBe('morningai.events.default.task.AttemptStarted');
  expect(feedSubject('morningai.events', { ...event, tenant: 'a.b *>' })).toBe(
    'morningai.events.a_b___.task.AttemptStarted',
  );
});
