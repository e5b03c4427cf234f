/**
 * What the statement `append` carries, by the names that its SQL function gives its parameters: so this follows the migrations, and a
 * parameter that is gone is noticed.
 */
import { readdirSync, readFileSync } from 'node:fs';

const MIGRATIONS = new URL('../../../packages/log/migrations/', import.meta.url);

export type Columns = (name: string) => readonly (string | null)[];

const NAMES = parameterNames();

function parameterNames(): readonly string[] {
  const sql = readdirSync(MIGRATIONS)
    .toSorted()
    .map((file) => readFileSync(new URL(file, MIGRATIONS), 'utf8'))
    .join('\n');
  const newest = [...sql.matchAll(/CREATE (?:OR REPLACE )?FUNCTION append\(([^)]*)\)/g)].at(-1)?.[1];
  if (newest === undefined) throw new Error('no migration creates append');
  return newest.split(',').map((parameter) => parameter.trim().split(/\s+/)[0] ?? '');
}

export function readAppend(values: readonly unknown[]): Columns {
  if (values.length !== NAMES.length) {
    throw new Error(`append has ${NAMES.length} parameters, and ${values.length} came`);
  }
  const columns = new Map<string, readonly (string | null)[]>();
  return (name) => {
    const index = NAMES.indexOf(name);
    if (index < 0) throw new Error(`append has no parameter ${name}`);
    const column = columns.get(name) ?? readArray(values[index]);
    columns.set(name, column);
    return column;
  };
}

const HEADER_BYTES = 20;
const OID_AT = 8;

/** An array as packages/log/src/array-parameter.ts writes it for Postgres; each element as text. */
function readArray(value: unknown): readonly (string | null)[] {
  if (!Buffer.isBuffer(value)) throw new Error('append was given a parameter that is no array');
  const read = READERS[value.readInt32BE(OID_AT)];
  if (read === undefined) throw new Error(`append was given an array of a type that is not known here`);
  const texts: (string | null)[] = [];
  for (let at = HEADER_BYTES; at < value.length;) {
    const length = value.readInt32BE(at);
    at += 4;
    texts.push(length < 0 ? null : read(value.subarray(at, at + length)));
    at += Math.max(0, length);
  }
  return texts;
}

/** By the oid of the element. */
const READERS: Readonly<Record<number, (bytes: Buffer) => string>> = {
  16: (bytes) => String(bytes[0] === 1),
  17: (bytes) => bytes.toString('hex'),
  20: (bytes) => String(bytes.readBigInt64BE()),
  23: (bytes) => String(bytes.readInt32BE()),
  25: (bytes) => bytes.toString('utf8'),
  2950: (bytes) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
};
