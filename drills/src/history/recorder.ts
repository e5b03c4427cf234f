/** Keeps a history, and writes it as it goes: a run that dies leaves what it saw. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { HistoryRecord, OperationName, Phase, Value } from './record.ts';

export type Recorder = AsyncDisposable & {
  readonly records: readonly HistoryRecord[];
  /** ms since the schedule began. */
  now(): number;
  record(proc: string, op: OperationName, key: string, phase: Phase, value?: Value): void;
};

/** A schedule has some hundreds. */
const RECORDS_MAX = 100_000;

/** @param options.path of the file; undefined: it is kept in memory only */
export async function openRecorder(options: {
  readonly run: string;
  readonly seed: number;
  readonly path: string | undefined;
}): Promise<Recorder> {
  const { run, seed, path } = options;
  if (path !== undefined) await mkdir(dirname(path), { recursive: true });
  const file = path === undefined ? undefined : createWriteStream(path);
  const failed: Error[] = [];
  file?.on('error', (error) => failed.push(error));
  const records: HistoryRecord[] = [];
  const startedAt = performance.now();
  const now = () => Math.round((performance.now() - startedAt) * 10) / 10;
  return {
    records,
    now,
    record(proc, op, key, phase, value = {}) {
      if (records.length >= RECORDS_MAX) throw new Error(`a history has at most ${RECORDS_MAX} records`);
      const record: HistoryRecord = { run, seed, t: now(), proc, op, key, phase, value };
      records.push(record);
      file?.write(`${JSON.stringify(record)}\n`);
    },
    async [Symbol.asyncDispose]() {
      if (file === undefined) return;
      file.end();
      if (failed.length === 0) await once(file, 'close');
      if (failed[0] !== undefined) throw new Error(`the history cannot be written: ${failed[0].message}`);
    },
  };
}
