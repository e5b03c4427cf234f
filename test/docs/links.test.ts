// What the guides point to exists: files, and tests by their names.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(file));

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
/** [file](path): "name of a test" */
const NAMED_TEST = /\]\(([^)\s]+\.test\.ts)\):\s*"([^"]+)"/g;

describe.each(files)('%s', (file) => {
  const text = readFileSync(file, 'utf8').replaceAll(/```[\s\S]*?```/g, '');

  test('links lead to files that exist', () => {
    const targets = [...text.matchAll(LINK)]
      .map((match) => match[1] ?? '')
      .filter((target) => !/^[a-z]+:|^#/.test(target));
    const missing = targets.filter((target) => !existsSync(join(dirname(file), target.split('#', 1)[0] ?? '')));
    expect(missing).toEqual([]);
  });

  test('tests that are named exist', () => {
    const named = [...text.matchAll(NAMED_TEST)].map(([, path = '', name = '']) => ({
      path: join(dirname(file), path),
      name,
    }));
    const missing = named.filter(({ path, name }) => !existsSync(path) || !readFileSync(path, 'utf8').includes(name));
    expect(missing).toEqual([]);
  });
});

test("the README's code is the example that the tests run", () => {
  const code = /```ts\n([\s\S]*?)```/.exec(readFileSync('README.md', 'utf8'))?.[1];
  expect(code).toBe(readFileSync('examples/hello.ts', 'utf8'));
});
