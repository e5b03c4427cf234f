import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, chainDigest, eventDigest } from './digest.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('canonical JSON', () => {
  test('is as RFC 8785 has it: the example of section 3.2.2', () => {
    const value = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`) as unknown;
    expect(canonicalJson(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  test('sorts keys by UTF-16 code units: the example of section 3.2.3', () => {
    const value = JSON.parse(String.raw`{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
    }`) as unknown;
    const names = [...canonicalJson(value).matchAll(/:"([^"]+)"/g)].map(([, name]) => name);
    expect(names).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  // Appendix B of RFC 8785: IEEE 754 bits, and the text.
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the double %s as %s', (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text);
  });

  test('is the same for equal values, whatever the order of their keys, and reads back as the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const text = canonicalJson(value);
        const reversed = JSON.parse(text, (_, part: unknown) =>
          part !== null && typeof part === 'object' && !Array.isArray(part)
            ? Object.fromEntries(Object.entries(part).toReversed())
            : part,
        ) as unknown;
        expect(canonicalJson(reversed)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test.each([[NaN], [Infinity], [undefined], [1n], ['\ud800'], [{ '\udc00': 1 }]])('refuses %s', (value) => {
    expect(() => canonicalJson(value)).toThrow();
  });
});

describe('the digest of an event', () => {
  const text = fc.string({ unit: 'grapheme' });
  const event = fc.record({ stream: text, version: fc.nat(), tenant: text, type: text, life: fc.nat() });

  test('is sha256 of the canonical JSON of its envelope with the sha256 of its data', () => {
    fc.assert(
      fc.property(event, text, (envelope, data) => {
        expect(eventDigest(envelope, data)).toBe(sha256(canonicalJson({ ...envelope, data: sha256(data) })));
      }),
    );
  });

  test('stays what it is: a known vector', () => {
    const envelope = {
      stream: 'task/0190c2a0-0000-7000-8000-000000000001',
      version: 1,
      tenant: 'acme',
      type: 'A',
      life: 1,
    };
    expect(eventDigest(envelope, '{"a":1}')).toBe(
      sha256(
        '{"data":"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862","life":1,' +
          '"stream":"task/0190c2a0-0000-7000-8000-000000000001","tenant":"acme","type":"A","version":1}',
      ),
    );
  });
});

test('the chain covers the digest before, the position, the time and each event, in order', () => {
  const [a, b] = ['01'.repeat(32), '02'.repeat(32)];
  const commit = { firstPosition: 1, recordedAtMicros: 1_790_000_000_123_456 };
  const chain = chainDigest('', commit, [a, b]);
  const input = Buffer.from(`000000000000000100065bfeda27c240${a}${b}`, 'hex');
  expect(chain).toBe(createHash('sha256').update(input).digest('hex'));
  const others = [
    chainDigest(chain, commit, [a, b]),
    chainDigest('', { ...commit, firstPosition: 2 }, [a, b]),
    chainDigest('', { ...commit, recordedAtMicros: commit.recordedAtMicros + 1 }, [a, b]),
    chainDigest('', commit, [b, a]),
    chainDigest('', commit, [a]),
  ];
  expect(new Set([chain, ...others]).size).toBe(6);
});
