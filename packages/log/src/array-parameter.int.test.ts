import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog, type TestLog } from '../test/open-log.ts';
import { plainArray, textArray } from './array-parameter.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(() => log[Symbol.asyncDispose]());

const ECHO = { name: 'echo', sql: 'SELECT $1::text[] AS texts, $2::float8[] AS numbers, $3::boolean[] AS flags' };
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }).filter((it) => !it.includes('\0')),
  fc.constantFrom('', 'NULL', 'null', '{}', '"', '\\', '\\"', ',', ' a ', '\n', '{"a":"\\\\"}'),
);

test('Postgres reads every array as it was', async () => {
  const arrays = fc.record({
    texts: fc.array(fc.option(text)),
    numbers: fc.array(fc.option(fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)))),
    flags: fc.array(fc.option(fc.boolean())),
  });
  await fc.assert(
    fc.asyncProperty(arrays, async ({ texts, numbers, flags }) => {
      const [row] = await log.pool.query(ECHO, [textArray(texts), plainArray(numbers), plainArray(flags)]);
      expect(row).toEqual({ texts, numbers, flags });
    }),
  );
});
