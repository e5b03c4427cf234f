import type { Result, Table } from './benchmark.ts';
import type { Machine } from './machine.ts';

export function markdown(run: {
  readonly machine: Machine;
  readonly command: string;
  readonly results: readonly Result[];
}): string {
  const { machine, command, results } = run;
  const libraries = Object.entries(machine.libraries).map(([name, version]) => `${name} ${version}`);
  const about = [
    `${machine.date} UTC, ${machine.processor}, ${machine.memoryGib} GiB, ${machine.system}`,
    `load before: ${machine.loadBefore}`,
    `node ${machine.node}, ${libraries.join(', ')}, ${results[0]?.versions ?? ''}`,
    `\`${command}\``,
  ];
  const sections = results.flatMap(({ name, tables, problems }) => [
    `### ${name}`,
    ...tables.map(markdownTable),
    ...problems.map((problem) => `**The ledger is wrong:** ${problem}`),
  ]);
  return [about.join('  \n'), ...sections].join('\n\n');
}

function markdownTable({ head, rows }: Table): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
