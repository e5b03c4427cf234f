import { AppError } from '@morningai/core/errors';
import { openPool } from '@morningai/log/pool';
import { verifyLog, type Ledger, type VerifyReport } from '@morningai/log/verify';
import type { Command } from 'commander';
import { interruptSignal, targetOf } from '../connect.ts';
import { showProgress } from '../progress.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';
import { verifyTickets, type TicketReport } from '../verify-tickets.ts';

export function addVerify(program: Command, done: Done): void {
  program
    .command('verify')
    .description('Prove from the log that nothing was lost or recorded twice; exit code 1 if something is wrong')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { databaseUrl, redisUrl } = await targetOf(command);
      if (databaseUrl === undefined)
        throw new AppError('CONFIG_INVALID', 'verify reads Postgres itself: set DATABASE_URL');
      const signal = interruptSignal();
      const report = await verifyDatabase(databaseUrl, { signal, progress: showProgress('verifying') });
      const tickets =
        redisUrl === undefined ? null : await verifyTickets({ databaseUrl, redisUrl }, report.incarnation, signal);
      const problems = [...report.problems, ...ticketProblems(tickets)];
      done(problems.length === 0 && report.recordedTwice === 0 ? 0 : 1);
      if (options.json) return printJson({ ...report, problems, tickets });
      console.log(`log      ${report.incarnation}, ${report.head} events, chain ${report.chain.slice(0, 16)}…`);
      console.log(`ledger   ${ledgerLine(report.ledger)}`);
      console.log(`twice    ${report.recordedTwice} outcomes recorded twice`);
      console.log(`tickets  ${tickets === null ? 'unknown' : `${tickets.tasks}, of them stale ${tickets.stale}`}`);
      return console.log(problems.length === 0 ? 'verify: the log holds' : problems.join('\n'));
    });
}

export async function verifyDatabase(
  databaseUrl: string,
  options: Parameters<typeof verifyLog>[1] = {},
): Promise<VerifyReport> {
  const pool = openPool({ url: databaseUrl, name: 'morningai-verify', maxConnections: 2 });
  try {
    return await verifyLog(pool, options);
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
