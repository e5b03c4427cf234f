import type { Benchmark, BenchmarkOptions, Result, Table } from '../benchmark.ts';
import { FULL_WINDOW_SLOTS, fillWindow } from '../full-window.ts';
import { startLoad } from '../load-process.ts';
import type { AddReply, AddRequest } from '../loads/bullmq-add.ts';
import { nowMs } from '../loads/serve-load.ts';
import { openMeasuredStack } from '../measured-stack.ts';
import { epochAfter } from '../read-log.ts';
import { median } from '../statistics.ts';

/** Milliseconds since the FLUSHALL. */
type Round = {
  readonly detectedMs: number;
  readonly firstTicketMs: number;
  readonly fullMs: number;
  /** addBulk of as many jobs as tasks have a ticket. */
  readonly bareMs: number;
};

export const refill: Benchmark = {
  name: 'refill',
  about:
    'FLUSHALL with many open tasks (--tasks): new epoch, first ticket, window full, ÷ bare addBulk of as many jobs',
  tasks: 100_000,
  slots: FULL_WINDOW_SLOTS,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks, slots } = options;
  await using stack = await openMeasuredStack(options);
  const { redis, watch, pool } = stack;
  using bullmq = startLoad<AddRequest, AddReply>('bullmq-add', { url: stack.urls.redisUrl });
  const ticketed = await fillWindow(stack, options);
  progress(`${ticketed} tasks have a ticket`);

  const flush = async (): Promise<Round> => {
    const from = await watch.head();
    const flushedAt = nowMs();
    await redis.flushAll();
    const { seenAt } = await redis.untilTickets(signal);
    const fullAt = await redis.untilStill(signal);
    const { size } = await redis.tickets();
    if (size !== ticketed)
      throw new Error(`${ticketed} tasks had a ticket before the FLUSHALL, and ${size} have one now`);
    const { at } = await epochAfter(pool, from);
    const { addMs } = await bullmq.ask({ jobs: ticketed });
    return {
      detectedMs: at - flushedAt,
      firstTicketMs: seenAt - flushedAt,
      fullMs: fullAt - flushedAt,
      bareMs: addMs,
    };
  };

  const rounds: Round[] = [];
  for (let round = 0; round <= options.rounds; round += 1) {
    signal.throwIfAborted();
    const one = await flush();
    progress(`${round === 0 ? 'warm-up' : `round ${round}`}: ${words(one)}`);
    if (round > 0) rounds.push(one);
  }
  progress(`verifying the ledger of ${tasks + slots} open tasks`);
  const problems = await stack.ledgerProblems(tasks + slots);
  return { name: 'refill', versions: stack.versions, tables: [tableOf(rounds, ticketed)], raw: rounds, problems };
}

function tableOf(rounds: readonly Round[], ticketed: number): Table {
  const row = (label: string, pick: (round: Round) => number) => {
    const values = rounds.map(pick);
    const ratios = rounds.map((round) => pick(round) / round.bareMs);
    return [label, median(values).toFixed(0), Math.max(...values).toFixed(0), `**${median(ratios).toFixed(2)}**`];
  };
  const count = ticketed.toLocaleString('en');
  return {
    head: ['', 'median, ms', 'max, ms', '÷ bare addBulk'],
    rows: [
      row('FLUSHALL → epoch in the log', ({ detectedMs }) => detectedMs),
      row('FLUSHALL → first ticket in Redis', ({ firstTicketMs }) => firstTicketMs),
      row(`FLUSHALL → window full: ${count} tasks`, ({ fullMs }) => fullMs),
      row('of it, from the epoch on', ({ fullMs, detectedMs }) => fullMs - detectedMs),
      row(`bare BullMQ, addBulk of ${count} jobs`, ({ bareMs }) => bareMs),
    ],
  };
}

function words({ detectedMs, firstTicketMs, fullMs, bareMs }: Round): string {
  const [detected, first, full, bare] = [detectedMs, firstTicketMs, fullMs, bareMs].map((ms) => ms.toFixed(0));
  return `epoch after ${detected} ms, first ticket ${first} ms, full ${full} ms; bare addBulk ${bare} ms`;
}
