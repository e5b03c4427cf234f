/** Array parameters as Postgres reads them. pg does the same for any nesting of anything, at a multiple of the cost. */

const TEXT_OID = 25;
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;

/**
 * A `text[]` in Postgres' binary form: no quotes to set here and to take off there, which for JSON costs both sides more than all
 * else of a parameter.
 */
export function textArray(values: readonly (string | null)[]): Buffer {
  if (values.length === 0) return EMPTY;
  const bytes = values.reduce((sum, value) => sum + LENGTH_BYTES + (value === null ? 0 : Buffer.byteLength(value)), 0);
  const array = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  // One dimension, some may be NULL; its length, the first index.
  let end = writeInts(array, [1, 1, TEXT_OID, values.length, 1]);
  for (const value of values) {
    const length = value === null ? -1 : array.write(value, end + LENGTH_BYTES);
    end = array.writeInt32BE(length, end) + Math.max(0, length);
  }
  return array;
}

/** Of numbers and booleans, which need no quotes. */
export function plainArray(values: readonly (number | boolean | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

/** No dimension. */
const EMPTY = Buffer.alloc(3 * LENGTH_BYTES);
writeInts(EMPTY, [0, 0, TEXT_OID]);

function writeInts(buffer: Buffer, values: readonly number[]): number {
  return values.reduce((at, value) => buffer.writeInt32BE(value, at), 0);
}
