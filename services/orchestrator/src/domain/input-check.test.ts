import { AppError } from '@morningai/core/errors';
import { expect, test } from 'vitest';
import { createInputCheck } from './input-check.ts';

const schema = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'shared',
  type: 'object',
  properties: {
    question: { type: 'string', minLength: 1, pattern: '\\S' },
    at: { type: 'string', format: 'date-time' },
  },
  required: ['question'],
  additionalProperties: false,
});

const codeAndDetails = (run: () => void) => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return error instanceof AppError ? [error.code, error.details] : error;
  }
};

test('an input that fits is taken; one that does not is refused with what is wrong where', () => {
  const inputs = createInputCheck();
  expect(codeAndDetails(() => inputs.check('faq', schema, { question: 'why?' }))).toBe('accepted');
  expect(codeAndDetails(() => inputs.check('faq', schema, { question: '  ' }))).toEqual([
    'INPUT_INVALID',
    { problems: [{ path: '/question', message: 'must match pattern "\\S"' }] },
  ]);
  expect(codeAndDetails(() => inputs.check('faq', schema, []))).toMatchObject(['INPUT_INVALID', {}]);
  expect(codeAndDetails(() => inputs.check('faq', schema, { question: 'x', at: 'soon' }))).toMatchObject([
    'INPUT_INVALID',
    {},
  ]);
});

test('two agents may use one $id, and what is no JSON Schema is refused', () => {
  const inputs = createInputCheck();
  inputs.compile(schema);
  inputs.compile(JSON.stringify({ $id: 'shared', type: 'string' }));
  expect(codeAndDetails(() => inputs.compile('{"$async":true}'))).toMatchObject(['REQUEST_INVALID', undefined]);
  expect(codeAndDetails(() => inputs.check('loop', '{"$ref":"#"}', {}))).toMatchObject(['INPUT_INVALID', undefined]);
  expect(codeAndDetails(() => inputs.compile('{'))).toMatchObject(['REQUEST_INVALID', undefined]);
  expect(codeAndDetails(() => inputs.compile('{"type":"nothing"}'))).toMatchObject(['REQUEST_INVALID', undefined]);
});
