import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { currentConfigurationDocs, FILE } from '../../tools/configuration-docs.ts';

test('docs/configuration.md is what the services read', () => {
  // Compared without its alignment: the formatter's own.
  const words = (text: string) => text.replaceAll(/[ -]+/g, ' ');
  expect(words(readFileSync(FILE, 'utf8'))).toBe(words(currentConfigurationDocs()));
});
