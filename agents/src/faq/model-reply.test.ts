import { describe, expect, test } from 'vitest';
import { draftFromReply } from './model-reply.ts';

describe("a model's reply", () => {
  test('title and body are told apart', () => {
    expect(draftFromReply('# When `Redis` is **down**\n\nText.\n\n## Troubleshooting\n\nLook.\n')).toEqual({
      title: 'When Redis is down',
      markdown: 'Text.\n\n## Troubleshooting\n\nLook.',
    });
  });

  test('a fence round the whole reply is taken off', () => {
    expect(draftFromReply('````markdown\r\n# T\r\n\r\n```bash\r\nls\r\n```\r\n````')).toEqual({
      title: 'T',
      markdown: '```bash\nls\n```',
    });
  });

  test.each(['', 'Sure! Here it is:\n\n# T\n\nText.', '## Only a section', '```python\n# comment\n```'])(
    '%j is no document',
    (reply) => {
      expect(draftFromReply(reply)).toBeNull();
    },
  );
});
