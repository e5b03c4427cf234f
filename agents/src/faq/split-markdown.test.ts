import { describe, expect, test } from 'vitest';
import { SPLIT_LIMITS, splitMarkdown } from './split-markdown.ts';

const split = (markdown: string, source = 'redis.md') => splitMarkdown(markdown, { source, linkBase: '../runbooks' });

describe('a Markdown text as passages', () => {
  test('each heading with something under it is one passage, with the headings above it', () => {
    const passages = split('# Redis\n\nIntro.\n\n## Impact\n\n### Tasks\n\nThey wait.\n\n## Recovery\n\nNone.\n');
    expect(passages.map(({ id, path, text }) => ({ id, path, text }))).toEqual([
      { id: 'redis.md#0', path: ['Redis'], text: 'Intro.' },
      { id: 'redis.md#1', path: ['Redis', 'Impact', 'Tasks'], text: 'They wait.' },
      { id: 'redis.md#2', path: ['Redis', 'Recovery'], text: 'None.' },
    ]);
  });

  test('code blocks are kept as they are, and a "#" inside is no heading', () => {
    const code = '```bash\n# ask Redis\nredis-cli ping\n```';
    expect(split(`# Redis\n\n1. Ask.\n\n   text\n\n${code}\n`)[0]?.text).toBe(`1. Ask.\n\n   text\n\n${code}`);
  });

  test('a text without a title goes by its file name', () => {
    expect(split('Only text.\n')[0]?.path).toEqual(['redis.md']);
    expect(split('## Impact\n\nText.\n')[0]?.path).toEqual(['redis.md', 'Impact']);
  });

  test('relative links lead to the same place from where the document stands', () => {
    const text = 'See [a](other.md), [b](../adr/1.md#x), [c](#impact), ![d](d.png) and [e](https://x.test/other.md).';
    const [passage] = split(`# T\n\n${text}\n`, 'deep/redis.md');
    expect(passage?.text).toBe(
      'See [a](../runbooks/deep/other.md), [b](../runbooks/adr/1.md#x), [c](../runbooks/deep/redis.md#impact), ' +
        '![d](../runbooks/deep/d.png) and [e](https://x.test/other.md).',
    );
    expect(passage?.link).toBe('../runbooks/deep/redis.md');
  });

  test('links lead to a URL where one is given', () => {
    const [passage] = splitMarkdown('# T\n\n[a](other.md#x) [b](../adr/1.md)\n', {
      source: 'redis.md',
      linkBase: 'https://x.test/docs/runbooks',
    });
    expect(passage?.text).toBe('[a](https://x.test/docs/runbooks/other.md#x) [b](https://x.test/docs/adr/1.md)');
    expect(passage?.link).toBe('https://x.test/docs/runbooks/redis.md');
  });

  test('a link in a code block is left alone', () => {
    expect(split('# T\n\n```\n[a](b.md)\n```\n')[0]?.text).toBe('```\n[a](b.md)\n```');
  });

  test('a section over the limit is cut between blocks and says so', () => {
    const block = 'x'.repeat(SPLIT_LIMITS.passageLength - 10);
    const [passage] = split(`# T\n\n${block}\n\n\`\`\`\n${block}\n\`\`\`\n`);
    expect(passage?.text).toBe(`${block}\n\n(The rest of this section is in the source.)`);
  });

  test('front matter, a byte-order mark and CRLF do not show', () => {
    const [passage] = split('\uFEFF---\r\ntitle: x\r\n---\r\n# T\r\n\r\na\r\nb\r\n');
    expect(passage).toMatchObject({ path: ['T'], text: 'a\nb' });
  });

  test('an empty text has no passages', () => {
    expect(split('')).toEqual([]);
    expect(split('# Only a title\n')).toEqual([]);
  });
});
