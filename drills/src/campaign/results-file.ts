/** What a campaign has found, a line for each schedule, written as it goes: the same command goes on where it ends. */
import { appendFile, mkdir, readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ScheduleReport } from './run-schedule.ts';

export type ResultsFile = {
  /** Of earlier runs. */
  readonly found: readonly ScheduleReport[];
  add(report: ScheduleReport): Promise<void>;
};

export async function openResultsFile(path: string): Promise<ResultsFile> {
  await mkdir(dirname(path), { recursive: true });
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  // A line without its end was cut off: its schedule is run again.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
  const lines = whole.split('\n').filter((line) => line !== '');
  return {
    found: lines.map((line) => JSON.parse(line) as ScheduleReport),
    add: (report) => appendFile(path, `${JSON.stringify(report)}\n`),
  };
}
