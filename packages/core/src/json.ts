/** JSON as the log can keep it: checked before it enters, so that one value never costs a batch. */
import { AppError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Json } from './task.ts';

const DROPPED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * A parsed JSON value that Postgres will take: itself, or a copy without the keys that could reach a prototype.
 * @throws AppError JSON_TOO_COMPLEX (over 64 levels of arrays and objects, or 10,000 keys), TEXT_NOT_STORABLE,
 *   NUMBER_OUT_OF_RANGE, REQUEST_INVALID (a function, a bigint, undefined)
 */
export function storableJson(value: unknown): Json {
  let keys = 0;
  let toDrop = false;
  const check = (node: unknown, depth: number): void => {
    if (typeof node === 'string') return void storableText(node);
    if (typeof node === 'number') return storableNumber(node);
    if (node === null || typeof node === 'boolean') return;
    // Before anything recursive: what is deeper is never entered.
    if (depth > LIMITS.jsonDepth) throw tooComplex(`nested deeper than ${LIMITS.jsonDepth} levels`);
    if (Array.isArray(node)) return node.forEach((element) => check(element, depth + 1));
    if (typeof node !== 'object') throw new AppError('REQUEST_INVALID', `a ${typeof node} is not JSON`);
    for (const key of Object.keys(node)) {
      if ((keys += 1) > LIMITS.jsonKeys) throw tooComplex(`larger than ${LIMITS.jsonKeys} keys`);
      if (DROPPED_KEYS.has(key)) {
        toDrop = true;
        continue;
      }
      storableText(key);
      check((node as Record<string, unknown>)[key], depth + 1);
    }
  };
  check(value, 1);
  return toDrop ? withoutDropped(value as Json) : (value as Json);
}

function withoutDropped(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withoutDropped);
  const kept = Object.entries(value).filter(([key]) => !DROPPED_KEYS.has(key));
  return Object.fromEntries(kept.map(([key, field]) => [key, withoutDropped(field)]));
}

/** @throws AppError TEXT_NOT_STORABLE */
export function storableText(text: string): string {
  if (text.includes('\0')) throw new AppError('TEXT_NOT_STORABLE', 'a text has a NUL character');
  if (!text.isWellFormed()) throw new AppError('TEXT_NOT_STORABLE', 'a text has a lone surrogate');
  return text;
}

function storableNumber(number: number): void {
  if (!Number.isFinite(number)) throw new AppError('NUMBER_OUT_OF_RANGE', 'a number is outside the range of a double');
}

function tooComplex(why: string): AppError {
  return new AppError('JSON_TOO_COMPLEX', `the JSON is ${why}`);
}
