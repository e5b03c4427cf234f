import type { TaskEvent } from '@morningai/sdk';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';

export function addEvents(program: Command, _done: Done): void {
  program
    .command('events')
    .description("Show a task's history")
    .argument('<id>')
    .option('--json', 'as JSON')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const events = await (await clientOf(command)).events(id);
      if (options.json) printJson({ events });
      else console.log(timeline(events));
    });
}

/** One line per event: its time since the first, what happened, and what is short enough of its data. */
export function timeline(events: readonly TaskEvent[]): string {
  const began = Date.parse(events[0]?.recordedAt ?? '');
  const rows = events.map(({ position, version, type, data, recordedAt }) => [
    String(position),
    String(version),
    `+${Date.parse(recordedAt) - began} ms`,
    type,
    summary(data),
  ]);
  return table(['position', 'version', 'time', 'event', ''], rows);
}

const SHOWN: ReadonlySet<string> = new Set(['agent', 'worker', 'fence', 'step', 'error', 'reason']);

function summary(data: unknown): string {
  if (typeof data !== 'object' || data === null) return '';
  const shown = Object.entries(data).filter(([name]) => SHOWN.has(name));
  return shown
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ');
}
