import { readFile, writeFile } from 'node:fs/promises';

const DOCUMENT = new URL('../../docs/benchmarks.md', import.meta.url);

/** Puts the text between `<!-- bench:<name> -->` and `<!-- /bench:<name> -->`. @throws when the document has no such place */
export async function record(name: string, text: string): Promise<void> {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const document = await readFile(DOCUMENT, 'utf8');
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no ${begin} … ${end}`);
  // The document has one `##` per benchmark already.
  const body = text.replace(/^### .*\n\n/m, '');
  await writeFile(DOCUMENT, `${document.slice(0, from + begin.length)}\n\n${body}\n\n${document.slice(to)}`);
}
