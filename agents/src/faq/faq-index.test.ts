import { describe, expect, test } from 'vitest';
import { INDEX_LIMITS, linkedPaths, withEntries } from './faq-index.ts';

const a = { question: 'What is A?', path: 'faq/what-is-a.md' };
const b = { question: 'What is B?', path: 'faq/what-is-b.md' };

describe('the index', () => {
  test('a new one has a title and a line per document', () => {
    expect(withEntries(null, [a, b])).toBe(`# FAQ

Questions and their documents, one line each.

- [What is A?](faq/what-is-a.md)
- [What is B?](faq/what-is-b.md)
`);
  });

  test('an entry goes after the last one; what people wrote around stays', () => {
    const index = '# Ours\n\n- [My A](faq/what-is-a.md), the best\n\n## Contact\n\n- [Us](https://x.test)\n';
    expect(withEntries(index, [b])).toBe(
      '# Ours\n\n- [My A](faq/what-is-a.md), the best\n- [What is B?](faq/what-is-b.md)\n\n## Contact\n\n- [Us](https://x.test)\n',
    );
  });

  test('an empty file becomes a list', () => {
    expect(withEntries('', [a])).toBe('\n\n- [What is A?](faq/what-is-a.md)\n');
  });

  test('a long question is shortened, never in the middle of an escape', () => {
    const question = `${'x'.repeat(INDEX_LIMITS.questionLength - 1)}\\[y`;
    expect(withEntries(null, [{ question, path: 'faq/x.md' }])).toContain(
      `- [${'x'.repeat(INDEX_LIMITS.questionLength - 1)}…](faq/x.md)`,
    );
  });

  test('it knows the documents it links to, Chinese names too', () => {
    const index = withEntries(null, [a, { question: '監控', path: 'faq/監控.md' }]);
    expect([...linkedPaths(`${index}\n[else](https://x.test/faq/z.md)\n`)]).toEqual([
      'faq/what-is-a.md',
      'faq/監控.md',
    ]);
  });
});
