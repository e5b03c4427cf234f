import fc from 'fast-check';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { describe, expect, test } from 'vitest';
import { asMarkdownLine } from './markdown-line.ts';

describe('a foreign text as a line of Markdown', () => {
  test.each([
    'Test question during Redis outage',
    '如何使用 Ops Agent 監控系統健康？',
    'Why is R&D -> ops (a > b) #1?',
    'snake_case',
  ])('%j is not changed', (text) => {
    expect(asMarkdownLine(text)).toBe(text);
  });

  test('line breaks, control characters and direction marks become spaces', () => {
    expect(asMarkdownLine(' a\r\n\n---\u0000b\u2028c\u202Ed ')).toBe('a --- b c d');
  });

  test('code, emphasis, links, HTML and entities are escaped', () => {
    expect(asMarkdownLine('`a` *b* _c_ [d](e) <script> ~~f~~ &lt; \\')).toBe(
      '\\`a\\` \\*b\\* \\_c\\_ \\[d\\](e) \\<script> \\~\\~f\\~\\~ \\&lt; \\\\',
    );
  });

  test('whatever the text, a list item shows it as plain text', () => {
    const nasty = fc.string({ unit: fc.constantFrom(...Array.from('ab _*`[]()<>!&#;~\\-+=\n\t|"\'/:x1')) });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), (text) => {
        const shown = text
          .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ')
          .replace(/\s+/g, ' ')
          .trim();
        const [item, ...others] = fromMarkdown(`- Task: ${asMarkdownLine(text)}\n`).children;
        expect(others).toEqual([]);
        expect(item).toMatchObject({
          type: 'list',
          children: [
            { children: [{ type: 'paragraph', children: [{ type: 'text', value: `Task: ${shown}`.trim() }] }] },
          ],
        });
      }),
      { numRuns: 500 },
    );
  });
});
