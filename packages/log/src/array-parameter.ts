/**
 * Array parameters in Postgres' binary form: no quotes to set here and to take off there, which for JSON costs both sides more than all
 * else of a parameter. pg does the same as text, for any nesting of anything.
 */

const BOOLEAN_OID = 16;
const BYTEA_OID = 17;
const BIGINT_OID = 20;
const INT_OID = 23;
const TEXT_OID = 25;
const UUID_OID = 2950;

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;

/** A `text[]`. */
export function textArray(values: readonly (string | null)[]): Buffer {
  return bytesArray(TEXT_OID, values, 'utf8');
}

/** A `bytea[]`. @param values one character per byte, as the encoding `latin1` has it */
export function byteaArray(values: readonly string[]): Buffer {
  return bytesArray(BYTEA_OID, values, 'latin1');
}

/** A `uuid[]`. @param values in the form with hyphens */
export function uuidArray(values: readonly (string | null)[]): Buffer {
  return bytesArray(
    UUID_OID,
    values.map((value) => (value === null ? null : value.replaceAll('-', ''))),
    'hex',
  );
}

/** An `int[]`. */
export function intArray(values: readonly (number | null)[]): Buffer {
  return fixedArray(INT_OID, 4, values, (array, value, at) => array.writeInt32BE(value, at));
}

/** A `bigint[]` of safe integers. */
export function bigintArray(values: readonly (number | null)[]): Buffer {
  return fixedArray(BIGINT_OID, 8, values, (array, value, at) => {
    array.writeInt32BE(Math.floor(value / 2 ** 32), at);
    array.writeUInt32BE(value >>> 0, at + 4);
  });
}

/** A `boolean[]`. */
export function booleanArray(values: readonly (boolean | null)[]): Buffer {
  return fixedArray(BOOLEAN_OID, 1, values, (array, value, at) => array.writeUInt8(value ? 1 : 0, at));
}

/** No character takes more bytes, in no encoding. */
const BYTES_PER_CHARACTER = 3;

function bytesArray(oid: number, values: readonly (string | null)[], encoding: BufferEncoding): Buffer {
  const most = values.reduce((sum, value) => sum + LENGTH_BYTES + (value?.length ?? 0) * BYTES_PER_CHARACTER, 0);
  const array = headed(oid, values.length, most);
  if (values.length === 0) return array;
  let end = HEADER_BYTES;
  for (const value of values) {
    const length = value === null ? NULL_LENGTH : array.write(value, end + LENGTH_BYTES, encoding);
    end = array.writeInt32BE(length, end) + Math.max(0, length);
  }
  return array.subarray(0, end);
}

function fixedArray<V>(
  oid: number,
  width: number,
  values: readonly (V | null)[],
  write: (array: Buffer, value: V, at: number) => void,
): Buffer {
  const array = headed(oid, values.length, values.length * (LENGTH_BYTES + width));
  if (values.length === 0) return array;
  let end = HEADER_BYTES;
  for (const value of values) {
    end = array.writeInt32BE(value === null ? NULL_LENGTH : width, end);
    if (value === null) continue;
    write(array, value, end);
    end += width;
  }
  return array.subarray(0, end);
}

/** Of one dimension, its elements to come; an empty one has none. */
function headed(oid: number, length: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  array.writeInt32BE(length === 0 ? 0 : 1, 0);
  // Some may be NULL.
  array.writeInt32BE(1, 4);
  array.writeInt32BE(oid, 8);
  if (length === 0) return array.subarray(0, HEADER_BYTES - 2 * LENGTH_BYTES);
  array.writeInt32BE(length, 12);
  // The first index.
  array.writeInt32BE(1, 16);
  return array;
}
