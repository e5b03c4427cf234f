import process from 'node:process';
import { AppError } from '@morningai/core/errors';
import { openPool } from '@morningai/log/pool';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import { verifyLog, type Anchor, type Ledger, type VerifyReport } from '@morningai/log/verify';
import type { Command } from 'commander';
import { interruptSignal, loginOf, targetOf } from '../connect.ts';
import { showProgress } from '../progress.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';
import { verifyTickets, type TicketReport } from '../verify-tickets.ts';

export function addVerify(program: Command, done: Done): void {
  program
    .command('verify')
    .description('Prove from the log that nothing was lost or recorded twice; exit code 1 if something is wrong')
    .option('--anchor <head:chain>', 'what an earlier run printed as its anchor: the log must still contain it')
    .option('--json', 'as JSON')
    .action(async (options: { anchor?: string; json?: boolean }, command: Command) => {
      const anchor = options.anchor === undefined ? {} : { anchor: parseAnchor(options.anchor) };
      const { databaseUrl, redisUrl, apiKey } = await targetOf(command);
      if (databaseUrl === undefined)
        throw new AppError('CONFIG_INVALID', 'verify reads Postgres itself: set DATABASE_URL');
      const signal = interruptSignal();
      const progress = showProgress('verifying');
      const report = await verifyDatabase(databaseUrl, { ...anchor, signal, progress });
      const tickets =
        redisUrl === undefined
          ? null
          : await verifyTickets({ databaseUrl, redisUrl, apiKey }, report.incarnation, signal);
      const problems = [...report.problems, ...ticketProblems(tickets)];
      done(problems.length === 0 && report.recordedTwice === 0 ? 0 : 1);
      if (options.json) return printJson({ ...report, problems, tickets });
      console.log(`log      ${report.incarnation}, ${report.head} events`);
      console.log(`anchor   ${report.head}:${report.chain}`);
      console.log(`ledger   ${ledgerLine(report.ledger)}`);
      console.log(`twice    ${report.recordedTwice} outcomes recorded twice`);
      console.log(`tickets  ${tickets === null ? 'unknown' : `${tickets.tasks}, of them stale ${tickets.stale}`}`);
      return console.log(problems.length === 0 ? 'verify: the log holds' : problems.join('\n'));
    });
}

const ANCHOR = /^(\d{1,15}):([0-9a-f]{64})$/;

/** @throws AppError REQUEST_INVALID */
function parseAnchor(text: string): Anchor {
  const [, head = '', chain = ''] = ANCHOR.exec(text) ?? [];
  if (chain !== '') return { head: Number(head), chain };
  throw new AppError('REQUEST_INVALID', '--anchor: a position, ":" and 64 hex digits, as verify prints them');
}

/** @throws AppError STORE_UNAVAILABLE, or the reason of the signal */
export async function verifyDatabase(
  databaseUrl: string,
  options: Parameters<typeof verifyLog>[1] = {},
): Promise<VerifyReport> {
  const pool = openPool({ url: databaseUrl, name: 'morningai-verify', maxConnections: 2, ...loginOf(process.env) });
  try {
    return await verifyLog(pool, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    return storeUnavailable(error);
  } finally {
    await pool.close();
  }
}

export function ledgerLine({ accepted, completed, failed, cancelled, open }: Ledger): string {
  const sum = completed + failed + cancelled + open;
  const sign = sum === accepted ? '=' : '≠';
  return `accepted ${accepted} ${sign} completed ${completed} + failed ${failed} + cancelled ${cancelled} + open ${open}`;
}

function ticketProblems(tickets: TicketReport | null): readonly string[] {
  return (tickets?.unknown ?? []).map((taskId) => `a ticket names task ${taskId}: the log does not know it`);
}
