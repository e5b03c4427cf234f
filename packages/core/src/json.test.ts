import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from './errors.ts';
import { storableJson } from './json.ts';
import { LIMITS } from './limits.ts';

function codeOf(value: unknown): string {
  try {
    storableJson(value);
    return 'stored';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

const nested = (depth: number, innermost = '0'): unknown =>
  JSON.parse('['.repeat(depth) + innermost + ']'.repeat(depth));
const keys = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`key ${index}`, index]));

describe('JSON that the log can keep', () => {
  test('a text with a NUL or a lone surrogate is refused, as a value and as a key, however deep', () => {
    for (const text of ['\0', 'a\0b', '\ud800', 'a\udc00b', '\udc00\ud800']) {
      for (const value of [text, [text], { key: text }, { [text]: 1 }, { a: [{ b: { [text]: [] } }] }]) {
        expect(codeOf(value)).toBe('TEXT_NOT_STORABLE');
      }
    }
    expect(codeOf({ '😀': 'a whole pair: \ud83d\ude00', '\u0001': '\u001f' })).toBe('stored');
  });

  test('a number that is no double is refused', () => {
    expect(codeOf(JSON.parse('{"n": 1e400}'))).toBe('NUMBER_OUT_OF_RANGE');
    expect(codeOf([-Infinity])).toBe('NUMBER_OUT_OF_RANGE');
    expect(codeOf({ n: NaN })).toBe('NUMBER_OUT_OF_RANGE');
    expect(codeOf([Number.MAX_VALUE, Number.MIN_VALUE, -0])).toBe('stored');
  });

  test('64 levels are kept, 65 are not, 100,000 do no harm', () => {
    expect(LIMITS.jsonDepth).toBe(64);
    expect(codeOf(nested(64))).toBe('stored');
    expect(codeOf(nested(64, '{}'))).toBe('JSON_TOO_COMPLEX');
    expect(codeOf(nested(65, ''))).toBe('JSON_TOO_COMPLEX');
    expect(codeOf(nested(100_000))).toBe('JSON_TOO_COMPLEX');
    const objects = JSON.parse('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)) as unknown;
    expect(codeOf(objects)).toBe('JSON_TOO_COMPLEX');
  });

  test('10,000 keys are kept, one more is not, wherever they are', () => {
    expect(codeOf(keys(10_000))).toBe('stored');
    expect(codeOf(keys(10_001))).toBe('JSON_TOO_COMPLEX');
    expect(codeOf([keys(5_000), { more: keys(5_000) }])).toBe('JSON_TOO_COMPLEX');
    expect(codeOf(Array.from({ length: 100_000 }, () => 0))).toBe('stored');
  });

  test('keys that could reach a prototype are dropped', () => {
    const hostile = JSON.parse(
      '{"__proto__": {"admin": true}, "constructor": 1, "prototype": 2, "kept": {"__proto__": 3}}',
    );
    const kept = storableJson(hostile);
    expect(kept).toEqual({ kept: {} });
    expect((kept as { admin?: boolean }).admin).toBeUndefined();
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
  });

  test('what is dropped is dropped, whatever it holds', () => {
    const deep = '{"constructor":'.repeat(100_000) + '1' + '}'.repeat(100_000);
    for (const dropped of ['"\\u0000"', '"\\ud800"', '1e400', '{"\\u0000": 1}', deep]) {
      expect(storableJson(JSON.parse(`{"a": [{"__proto__": ${dropped}, "b": 1}]}`))).toEqual({ a: [{ b: 1 }] });
    }
  });

  test('what is not JSON is refused', () => {
    for (const value of [undefined, () => 1, 1n, Symbol('a'), [undefined], { key: undefined }]) {
      expect(codeOf(value)).toBe('REQUEST_INVALID');
    }
  });

  test('everything else comes back as it was', () => {
    const wellFormed = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 5 },
        fc.constant(null),
        fc.boolean(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        wellFormed,
        fc.array(tie('json')),
        fc.dictionary(
          wellFormed.filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key)),
          tie('json'),
        ),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.stringify(storableJson(value))).toBe(JSON.stringify(value));
      }),
    );
  });
});
