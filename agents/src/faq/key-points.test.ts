import { describe, expect, test } from 'vitest';
import { keyPoints, unknownWords } from './key-points.ts';
import { splitMarkdown } from './split-markdown.ts';

const passages = splitMarkdown(
  `# A worker is silent

A worker holds a lease.

## Troubleshooting

- **Tasks stay \`queued\`.** No slot
  is free.

  \`\`\`bash
  tasks stay queued
  \`\`\`

- **A result is \`FENCED\`.** The lease ran out.
`,
  { source: 'worker.md', linkBase: '.' },
);

describe('key points', () => {
  test('the list item that has the words of the question is one, on one line and without its code', () => {
    expect(keyPoints('Why does my task stay queued?', passages)).toEqual(['**Tasks stay `queued`.** No slot is free.']);
  });

  test('the introduction is none, for it is shown whole', () => {
    expect(keyPoints('What is a lease of a worker?', passages)).toEqual([]);
  });

  test('half of the words are not enough', () => {
    expect(keyPoints('queued forever overnight', passages)).toEqual([]);
  });
});

describe('unknown words', () => {
  test('a word that stands in no passage is named once', () => {
    expect(unknownWords('Does the worker use Valkey, valkey?', passages)).toEqual(['valkey']);
  });

  test('headings count, and Chinese pairs are not named', () => {
    expect(unknownWords('silent 系統監控', passages)).toEqual([]);
  });
});
