import { describe, expect, test } from 'vitest';
import { DOCUMENT_LIMITS, refuseDocument } from './check.ts';
import { assembleDocument } from './document.ts';

const GOOD = 'Tasks wait.\n\n## Impact\n\nNone.\n\n## Troubleshooting\n\n- Look.';

function refusal(markdown: string, title = 'Handling a Redis outage') {
  const rest = { question: 'What?', traceId: 'id', model: 'm', repository: 'a/b' };
  return refuseDocument(assembleDocument({ title, markdown, ...rest }))?.code ?? null;
}

describe('the check', () => {
  test('a document with all parts passes', () => {
    expect(refusal(GOOD)).toBeNull();
  });

  test('troubleshooting counts at any depth and in Chinese', () => {
    expect(refusal('Text.\n\n## Help\n\n### Troubleshooting tips\n\nLook.')).toBeNull();
    expect(refusal('說明。\n\n## 疑難排解\n\n看。')).toBeNull();
    expect(refusal('Text.\n\n## Troubleshooting\n\n### Nothing starts\n\nLook.')).toBeNull();
  });

  test.each([
    ['no title', GOOD, '  ', 'FAQ_TITLE_MISSING'],
    ['an empty body', '', 'T', 'FAQ_EXPLANATION_MISSING'],
    ['no explanation', '## Impact\n\nx\n\n## Troubleshooting\n\n- Look.', 'T', 'FAQ_EXPLANATION_MISSING'],
    ['only code as explanation', '```\nx\n```\n\n## Troubleshooting\n\n- Look.', 'T', 'FAQ_EXPLANATION_MISSING'],
    ['no troubleshooting', 'Text.\n\n## Impact\n\nNone.', 'T', 'FAQ_TROUBLESHOOTING_MISSING'],
    ['empty troubleshooting', 'Text.\n\n## Troubleshooting\n\n## Related\n\n- x', 'T', 'FAQ_TROUBLESHOOTING_MISSING'],
    [
      'troubleshooting with headings only',
      'Text.\n\n## Troubleshooting\n\n### A\n\n### B',
      'T',
      'FAQ_TROUBLESHOOTING_MISSING',
    ],
    ['an open code block', `${GOOD}\n\n\`\`\`bash\nls`, 'T', 'FAQ_ENDING_BROKEN'],
    ['an open HTML comment', `${GOOD}\n\n<!-- later`, 'T', 'FAQ_ENDING_BROKEN'],
    ['a NUL', `${GOOD}\0`, 'T', 'FAQ_TEXT_NOT_STORABLE'],
    ['a lone surrogate', `${GOOD}\ud800`, 'T', 'FAQ_TEXT_NOT_STORABLE'],
    ['too many bytes', GOOD + 'é'.repeat(DOCUMENT_LIMITS.bytes / 2), 'T', 'FAQ_DOCUMENT_TOO_LARGE'],
    ['too many bytes as JSON', GOOD + '\n'.repeat(DOCUMENT_LIMITS.bytes / 2) + 'x', 'T', 'FAQ_DOCUMENT_TOO_LARGE'],
  ])('%s is refused', (_, markdown, title, code) => {
    expect(refusal(markdown, title)).toBe(code);
  });
});
