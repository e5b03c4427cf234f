import { AppError } from '@morningai/core/errors';
import { bearer, callStream, openClient } from '@morningai/rpc/client';
import { SystemServiceClient, type ReplayReport } from '@morningai/rpc/system';
import type { Command } from 'commander';
import { interruptSignal, targetOf } from '../connect.ts';
import { showProgress } from '../progress.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';

/** Longer than any log of ours takes: Ctrl-C ends it at any moment, and leaves it whole. */
const DEADLINE_MS = 6 * 3_600_000;
/** Until the first word: whoever is frozen says none, and is asked again and again. Once it speaks, its silence ends the call. */
const FIRST_WORD_MS = 10_000;

export function addReplay(program: Command, done: Done): void {
  program
    .command('replay')
    .description(
      'Fold the log and set every other table to what it gives, while work goes on; with --dry-run, exit code 1 if something differs',
    )
    .option('--dry-run', 'compare only')
    .option('--json', 'as JSON')
    .action(async (options: { dryRun?: boolean; json?: boolean }, command: Command) => {
      const { orchestratorAddress, apiKey } = await targetOf(command);
      if (orchestratorAddress === undefined) {
        throw new AppError('CONFIG_INVALID', 'the orchestrator replays: set ORCHESTRATOR_ADDRESS');
      }
      const report = await replay({ orchestratorAddress, apiKey, dryRun: options.dryRun ?? false });
      const found = differencesIn(report);
      done(report.dryRun && found > 0 ? 1 : 0);
      if (options.json) return printJson(reportJson(report));
      const rows = report.tables.map((row) => [row.name, ...countsOf(row).map(String)]);
      console.log(table(['table', 'missing', 'extra', 'different'], rows));
      for (const example of report.examples) console.log(example);
      if (report.foreign > 0n) console.log(`${report.foreign} tasks have events of a newer release: left as they are`);
      return console.log(`replay: ${report.head} events, ${conclusion(report.dryRun, found)}`);
    });
}

async function replay(options: {
  readonly orchestratorAddress: string;
  readonly apiKey: string;
  readonly dryRun: boolean;
}): Promise<ReplayReport> {
  const client = openClient(SystemServiceClient, options.orchestratorAddress);
  const silence = new AbortController();
  const silent = setTimeout(() => silence.abort(saysNothing(options.orchestratorAddress)), FIRST_WORD_MS);
  const signal = AbortSignal.any([interruptSignal(), silence.signal]);
  const limits = { metadata: bearer(options.apiKey), deadlineMs: DEADLINE_MS, signal };
  const show = showProgress('replaying');
  try {
    const answers = callStream((...args) => client.replay(...args), { dryRun: options.dryRun }, limits);
    for await (const { step } of answers) {
      clearTimeout(silent);
      if (step?.$case === 'report') return step.value;
      if (step?.$case === 'progress') show(Number(step.value.position), Number(step.value.head));
    }
    throw new AppError('ORCHESTRATOR_UNAVAILABLE', 'the orchestrator ended the replay without a report');
  } finally {
    clearTimeout(silent);
    client.close();
  }
}

function saysNothing(address: string): AppError {
  return new AppError(
    'ORCHESTRATOR_UNAVAILABLE',
    `the orchestrator at ${address} says nothing for ${FIRST_WORD_MS} ms`,
  );
}

function differencesIn({ tables }: ReplayReport): number {
  return tables.flatMap(countsOf).reduce((sum, count) => sum + count, 0);
}

function countsOf({ missing, extra, different }: ReplayReport['tables'][number]): number[] {
  return [missing, extra, different].map(Number);
}

function conclusion(dryRun: boolean, found: number): string {
  if (found === 0) return 'every table is what the log gives';
  return `${found} differences ${dryRun ? 'found, nothing changed' : 'mended'}`;
}

function reportJson({ logIncarnation, head, dryRun, tables, foreign, examples }: ReplayReport): object {
  const counted = tables.map((row) => {
    const [missing, extra, different] = countsOf(row);
    return [row.name, { missing, extra, different }];
  });
  return {
    incarnation: logIncarnation,
    head: Number(head),
    dryRun,
    tables: Object.fromEntries(counted) as object,
    foreign: Number(foreign),
    examples,
  };
}
