import process from 'node:process';
import { AppError } from '@morningai/core/errors';
import { openPool } from '@morningai/log/pool';
import { verifyLog, type Ledger, type VerifyReport } from '@morningai/log/verify';
import type { Command } from 'commander';
import { interruptSignal, targetOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';

export function addVerify(program: Command, done: Done): void {
  program
    .command('verify')
    .description('Prove from the log that nothing was lost or recorded twice; exit code 1 if something is wrong')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { databaseUrl } = await targetOf(command);
      if (databaseUrl === undefined)
        throw new AppError('CONFIG_INVALID', 'verify reads Postgres itself: set DATABASE_URL');
      const report = await verifyDatabase(databaseUrl, { signal: interruptSignal(), progress: showProgress });
      done(report.problems.length === 0 && report.recordedTwice === 0 ? 0 : 1);
      if (options.json) return printJson(report);
      console.log(`log      ${report.incarnation}, ${report.head} events, chain ${report.chain.slice(0, 16)}…`);
      console.log(`ledger   ${ledgerLine(report.ledger)}`);
      console.log(`twice    ${report.recordedTwice} outcomes recorded twice`);
      return console.log(report.problems.length === 0 ? 'verify: the log holds' : report.problems.join('\n'));
    });
}

export async function verifyDatabase(
  databaseUrl: string,
  options: Parameters<typeof verifyLog>[1] = {},
): Promise<VerifyReport> {
  const pool = openPool({ url: databaseUrl, name: 'morningai-verify', maxConnections: 1 });
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

function showProgress(position: number, head: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(position === head ? '\r\u001B[K' : `\rverifying ${position} of ${head}`);
}
