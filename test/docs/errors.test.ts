import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_CODES, ERROR_KINDS } from '../../packages/core/src/errors.ts';

/** Names of the gRPC status codes in use. */
const GRPC: Readonly<Record<number, string>> = {
  3: 'INVALID_ARGUMENT',
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  12: 'UNIMPLEMENTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
};

const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section]),
);

test('docs/errors.md has a section for every code, in their order, and no other', () => {
  expect([...sections.keys()]).toEqual(Object.keys(ERROR_CODES));
});

test.each(Object.entries(ERROR_CODES))(
  'the section of %s says how it travels and what to do',
  (code, { kind, retryable, title }) => {
    const { http, grpc } = ERROR_KINDS[kind];
    const section = sections.get(code) ?? '';
    expect(section).toContain(`\nHTTP ${http} · gRPC ${GRPC[grpc]} · ${retryable ? 'retryable' : 'not retryable'}\n`);
    expect(section.replaceAll('\n', ' ')).toContain(`${title}. `);
    expect(section).toMatch(/\*\*What to do\.\*\* \S/);
  },
);
