import { describe, expect, test } from 'vitest';
import { FAQ_INPUT_LIMITS, faqInput } from './input.ts';

const asked = (question: unknown) => faqInput.safeParse({ question });

describe('the faq input', () => {
  test('a question is enough, and comes back trimmed', () => {
    expect(faqInput.parse({ question: '  What is Phase 10?\n' })).toEqual({ question: 'What is Phase 10?' });
  });

  test('repository and publish are taken', () => {
    const input = { question: 'What?', repository: 'RC918/morningai', publish: 'none' };
    expect(faqInput.parse(input)).toEqual(input);
  });

  test.each([
    ['empty', ''],
    ['blanks', ' \t\n\u3000'],
    ['no text', 42],
    ['missing', undefined],
    ['too long', 'x'.repeat(FAQ_INPUT_LIMITS.questionLength + 1)],
    ['100,000 characters', 'x'.repeat(100_000)],
  ])('a question that is %s is refused', (_, question) => {
    expect(asked(question).success).toBe(false);
  });

  test('the longest question is taken', () => {
    expect(asked('x'.repeat(FAQ_INPUT_LIMITS.questionLength)).success).toBe(true);
  });

  test.each([
    'morningai',
    '/morningai',
    'RC918/',
    'RC918/..',
    '-x/y',
    'a/b/c',
    'a b/c',
    'RC918/morning ai',
    'RC918/x\n',
  ])('the repository %j is refused', (repository) => {
    expect(faqInput.safeParse({ question: 'What?', repository }).success).toBe(false);
  });

  test('an unknown field is refused', () => {
    expect(faqInput.safeParse({ question: 'What?', model: 'other' }).success).toBe(false);
  });

  test('the JSON Schema refuses blanks and unknown fields too', () => {
    const schema = faqInput['~standard'].jsonSchema.input({ target: 'draft-2020-12' });
    expect(schema).toMatchObject({
      required: ['question'],
      additionalProperties: false,
      properties: { question: { minLength: 1, maxLength: 2_000, pattern: '\\S' } },
    });
  });
});
