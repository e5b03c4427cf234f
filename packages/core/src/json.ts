/** JSON as the log can keep it: checked before it enters, so that one value never costs a batch. */
import { AppError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Json } from './task.ts';

const DROPPED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * A copy of a parsed JSON value that Postgres will take. Keys that could reach a prototype are dropped.
 * @throws AppError JSON_TOO_COMPLEX (over 64 levels of arrays and objects, or 10,000 keys), TEXT_NOT_STORABLE,
 *   NUMBER_OUT_OF_RANGE, REQUEST_INVALID (a function, a bigint, undefined)
 */
export function storableJson(value: unknown): Json {
  let keys = 0;
  const visit = (node: unknown, depth: number): Json => {
    if (typeof node === 'string') return storableText(node);
    if (typeof node === 'number') return storableNumber(node);
    if (node === null || typeof node === 'boolean') return node;
    // Before anything recursive: what is deeper is never entered.
    if (depth > LIMITS.jsonDepth) throw tooComplex(`nested deeper than ${LIMITS.jsonDepth} levels`);
    if (Array.isArray(node)) return node.map((element) => visit(element, depth + 1));
    if (typeof node !== 'object') throw new AppError('REQUEST_INVALID', `a ${typeof node} is not JSON`);
    const fields: [string, Json][] = [];
    for (const [key, field] of Object.entries(node)) {
      if ((keys += 1) > LIMITS.jsonKeys) throw tooComplex(`larger than ${LIMITS.jsonKeys} keys`);
      if (!DROPPED_KEYS.has(key)) fields.push([storableText(key), visit(field, depth + 1)]);
    }
    return Object.fromEntries(fields);
  };
  return visit(value, 1);
}

/** @throws AppError TEXT_NOT_STORABLE */
export function storableText(text: string): string {
  if (text.includes('\0')) throw new AppError('TEXT_NOT_STORABLE', 'a text has a NUL character');
  if (!text.isWellFormed()) throw new AppError('TEXT_NOT_STORABLE', 'a text has a lone surrogate');
  return text;
}

function storableNumber(number: number): number {
  if (Number.isFinite(number)) return number;
  throw new AppError('NUMBER_OUT_OF_RANGE', 'a number is outside the range of a double');
}

function tooComplex(why: string): AppError {
  return new AppError('JSON_TOO_COMPLEX', `the JSON is ${why}`);
}
