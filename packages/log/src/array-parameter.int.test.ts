import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog, type TestLog } from '../test/open-log.ts';
import { bigintArray, booleanArray, byteaArray, intArray, textArray, uuidArray } from './array-parameter.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(() => log[Symbol.asyncDispose]());

const ECHO = {
  name: 'echo',
  sql: `SELECT $1::text[] AS texts, $2::int[] AS ints, $3::bigint[]::float8[] AS bigints, $4::boolean[] AS flags,
               $5::uuid[]::text[] AS uuids, (SELECT coalesce(array_agg(encode(b, 'hex')), '{}') FROM unnest($6::bytea[]) b) AS bytes`,
};
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }).filter((it) => !it.includes('\0')),
  fc.constantFrom('', 'NULL', 'null', '{}', '"', '\\', '\\"', ',', ' a ', '\n', '{"a":"\\\\"}'),
);
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Bytes, of which the encoding knows all. */
const latin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

test('Postgres reads every array as it was', async () => {
  const arrays = fc.record({
    texts: fc.array(fc.option(text)),
    ints: fc.array(fc.option(int)),
    bigints: fc.array(fc.option(fc.oneof(int, fc.maxSafeInteger()))),
    flags: fc.array(fc.option(fc.boolean())),
    uuids: fc.array(fc.option(fc.uuid())),
    bytes: fc.array(latin1),
  });
  await fc.assert(
    fc.asyncProperty(arrays, async ({ texts, ints, bigints, flags, uuids, bytes }) => {
      const [row] = await log.pool.query(ECHO, [
        textArray(texts),
        intArray(ints),
        bigintArray(bigints),
        booleanArray(flags),
        uuidArray(uuids),
        byteaArray(bytes),
      ]);
      const hex = bytes.map((it) => Buffer.from(it, 'latin1').toString('hex'));
      expect(row).toEqual({ texts, ints, bigints: bigints.map((it) => it && it + 0), flags, uuids, bytes: hex });
    }),
  );
});
