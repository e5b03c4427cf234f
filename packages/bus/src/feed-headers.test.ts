import { MsgHdrsImpl } from '@nats-io/nats-core/internal';
import { expect, test } from 'vitest';
import { fixedHeaders, openHeaders } from './feed-headers.ts';

test('fixed headers are on the wire what open ones are', () => {
  const values = { 'Nats-Msg-Id': '9e659fba-7', 'Morningai-Position': '7' };
  const wire = (made: unknown) => Buffer.from((made as MsgHdrsImpl).encode()).toString();
  expect(wire(fixedHeaders(values))).toBe(wire(openHeaders(values)));
  expect(MsgHdrsImpl.decode((fixedHeaders(values) as MsgHdrsImpl).encode()).get('Morningai-Position')).toBe('7');
});
