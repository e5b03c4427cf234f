/** docs/configuration.md, made from what the services read. */
import type { Variable, Variables } from './config.ts';

export type DocumentedService = { readonly name: string; readonly variables: Variables };

/** Variables that several services read, in the same way, are shown once, first. */
export function configurationDocs(services: readonly DocumentedService[]): string {
  const readers = new Map<string, string[]>();
  for (const { name, variables } of services) {
    for (const one of Object.values(variables)) readers.set(rowOf(one), [...(readers.get(rowOf(one)) ?? []), name]);
  }
  const isShared = (one: Variable<unknown>) => (readers.get(rowOf(one))?.length ?? 0) > 1;
  const shared = [...readers].filter(([, names]) => names.length > 1);
  return [
    INTRODUCTION,
    '## Several services\n',
    table(
      ['Variable', 'Default', 'What it is', 'Read by'],
      shared.map(([row, names]) => `${row} ${names.join(', ')} |`),
    ),
    ...services.flatMap(({ name, variables }) => {
      const own = Object.values(variables).filter((one) => !isShared(one));
      return own.length === 0 ? [] : [`## ${name}\n`, table(['Variable', 'Default', 'What it is'], own.map(rowOf))];
    }),
  ].join('\n');
}

const INTRODUCTION = `# Configuration

Services read their configuration from the environment, once, at the start. Every problem is reported at once, and a
service with one does not start (exit code 2). A variable that is empty counts as not given.

<!-- Made by \`node tools/configuration-docs.ts\` from the services' src/config.ts; a test compares. -->
`;

function rowOf(one: Variable<unknown>): string {
  const fallback = one.fallback === undefined ? 'must be given' : one.fallback === '' ? 'empty' : `\`${one.fallback}\``;
  const about = one.secret ? `${one.about} A secret: never logged.` : one.about;
  return `| \`${one.name}\` | ${escaped(fallback)} | ${escaped(about)} |`;
}

function table(columns: readonly string[], rows: readonly string[]): string {
  return [`| ${columns.join(' | ')} |`, `| ${columns.map(() => '---').join(' | ')} |`, ...rows, ''].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
