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
    SENTINELS,
  ].join('\n');
}

const INTRODUCTION = `# Configuration

Services read their configuration from the environment, once, at the start. Every problem is reported at once, and a
service with one does not start (exit code 2). A variable that is empty counts as not given.

<!-- Made by \`node tools/configuration-docs.ts\` from the services' src/config.ts; a test compares. -->
`;

const SENTINELS = `## Redis behind Sentinels

\`\`\`text
redis+sentinel://[user:password@]host[:port][,host[:port]…]/primary[/db][?sentinel_username=…&sentinel_password=…]
\`\`\`

\`primary\` is what the Sentinels call the group, most often \`mymaster\`. A Sentinel without a port is at 26379; one that answers is enough,
the others are learned from it. User and password before the hosts are those of the Redis servers; those of the Sentinels
themselves are the parameters, and without them none are sent. \`rediss+sentinel://\` is TLS to the servers and to the Sentinels: a
certificate must name what the Sentinels announce. What is special in a name or password is percent-encoded. A URL of
another form is refused with CONFIG_INVALID, which says why and repeats no password.
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
