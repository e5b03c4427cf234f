import { expect, test } from 'vitest';
import { z } from 'zod';
import { configurationDocs } from './config-docs.ts';
import { variable } from './config.ts';

const level = variable('LEVEL', z.string(), 'How much.', { fallback: 'a|b' });
const key = variable('KEY', z.string(), 'The key.', { secret: true });

test('what several services read is told once, and what one reads under its name', () => {
  const text = configurationDocs([
    { name: 'one', variables: { level, key } },
    { name: 'two', variables: { level } },
  ]);
  expect(text).toContain('| `LEVEL` | `a\\|b` | How much. | one, two |');
  expect(text).toContain(
    '## one\n\n| Variable | Default | What it is |\n| --- | --- | --- |\n| `KEY` | must be given | The key.',
  );
  expect(text).toContain('A secret: never logged.');
  expect(text).not.toContain('## two');
  expect(text.match(/LEVEL/g)).toHaveLength(1);
});
