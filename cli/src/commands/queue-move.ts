import { AppError } from '@morningai/core/errors';
import { bearer, callStream, openClient } from '@morningai/rpc/client';
import type { Duration } from '@morningai/rpc/duration';
import { SystemServiceClient, type MoveReport } from '@morningai/rpc/system';
import type { Command } from 'commander';
import { interruptSignal, targetOf } from '../connect.ts';
import { givenText } from '../given-text.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';

/** What each part of a move may take, and some. */
const DEADLINE_MS = 45_000;

type Options = { to: string; dryRun?: boolean; yes?: boolean; json?: boolean };

export function addQueueMove(queue: Command, done: Done): void {
  queue
    .command('move')
    .description('Move the queue to another Redis while work goes on; exit code 1 if it is not open there in the end')
    .requiredOption(
      '--to <url>',
      'as REDIS_URL: redis://, rediss://, redis+sentinel://…; "@file" or "-" (standard input) keep a password out of sight',
    )
    .option('--dry-run', 'check it, say what would be done, and change nothing')
    .option('--yes', 'really')
    .option('--json', 'as JSON')
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .action(async (options: Options, command: Command) => {
      const { orchestratorAddress, apiKey } = await targetOf(command);
      if (orchestratorAddress === undefined) {
        throw new AppError('CONFIG_INVALID', 'the orchestrator moves the queue: set ORCHESTRATOR_ADDRESS');
      }
      const dryRun = options.dryRun === true || options.yes !== true;
      const report = await move({ orchestratorAddress, apiKey, to: (await givenText(options.to)).trim(), dryRun });
      if (options.json) printJson(reportJson(report));
      else console.log(reportText(report));
      if (!dryRun && report.open === undefined) done(1);
      if (options.dryRun !== true && options.yes !== true) {
        console.error('nothing was done: say --yes to move the queue');
        done(2);
      }
    });
}

const ABOUT: Readonly<Record<string, string>> = {
  checked: 'the new Redis is fit',
  moved: 'recorded: the new Redis is the one',
  open: 'its epoch is open, tickets are given out there',
  claimed: 'a first task was claimed by a ticket of it',
};

async function move(options: {
  readonly orchestratorAddress: string;
  readonly apiKey: string;
  readonly to: string;
  readonly dryRun: boolean;
}): Promise<MoveReport> {
  const { orchestratorAddress, apiKey, to, dryRun } = options;
  const client = openClient(SystemServiceClient, orchestratorAddress);
  const limits = { metadata: bearer(apiKey), deadlineMs: DEADLINE_MS, signal: interruptSignal() };
  try {
    const answers = callStream((...args) => client.moveQueue(...args), { to, dryRun }, limits);
    for await (const { step } of answers) {
      if (step?.$case === 'report') return step.value;
      if (step?.$case === 'progress') {
        const { step: name, after } = step.value;
        console.error(`${name.padEnd(8)} ${String(millisecondsOf(after)).padStart(6)} ms  ${ABOUT[name] ?? ''}`);
      }
    }
    throw new AppError('ORCHESTRATOR_UNAVAILABLE', 'the orchestrator ended the move without a report: see "queue"');
  } finally {
    client.close();
  }
}

function reportText(report: MoveReport): string {
  const { from, to, version, oldAnswers, leftovers, dryRun, orchestrators, followed, why } = report;
  const found = [
    `from    ${from}${oldAnswers ? '' : ' (does not answer)'}`,
    `to      ${to}, Redis ${version}, ${leftovers === 0n ? 'empty' : `with ${leftovers} keys of an earlier stay`}`,
  ];
  if (dryRun) return [...found, 'it would be moved there'].join('\n');
  const { open, epoch, firstTicket, tickets } = report;
  const opened = open === undefined ? `not open yet: ${why}` : `epoch ${epoch} after ${millisecondsOf(open)} ms`;
  const first = firstTicket === undefined ? 'none claimed yet' : `claimed after ${millisecondsOf(firstTicket)} ms`;
  return [
    ...found,
    `lane    ${opened}`,
    `ticket  ${first}; ${tickets ?? 'unknown'} tasks have one now`,
    `all     ${followed} of ${orchestrators} orchestrators follow`,
    `old     ${oldKeysText(report)}`,
    'Every orchestrator and health use it from now on, also after a restart. Set REDIS_URL to it at your leisure.',
  ].join('\n');
}

function oldKeysText({ from, oldKeys, oldKeysDeleted }: MoveReport): string {
  if (oldKeys === 'deleted') return `${oldKeysDeleted} keys deleted in ${from}`;
  if (oldKeys === 'unreachable') return `${from} does not answer: what it still has is read by nobody`;
  return `its keys are left in ${from}: nobody reads them`;
}

function reportJson(report: MoveReport): object {
  const { dryRun, from, to, version, oldAnswers, orchestrators, followed, why } = report;
  return {
    dryRun,
    from,
    to,
    version,
    oldAnswers,
    leftovers: Number(report.leftovers),
    checkedMs: millisecondsOf(report.checked),
    openMs: millisecondsOf(report.open),
    epoch: numberOrNull(report.epoch),
    firstTicketMs: millisecondsOf(report.firstTicket),
    tickets: numberOrNull(report.tickets),
    orchestrators: { living: orchestrators, followed },
    oldKeys: { state: report.oldKeys, deleted: Number(report.oldKeysDeleted) },
    why,
  };
}

function millisecondsOf(duration: Duration | undefined): number | null {
  return duration === undefined ? null : Math.round(Number(duration.seconds) * 1_000 + duration.nanos / 1e6);
}

function numberOrNull(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}
