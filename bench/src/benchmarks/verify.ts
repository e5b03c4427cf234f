import type { Benchmark, BenchmarkOptions, Result } from '../benchmark.ts';
import { cpuBetween, cpuSeconds } from '../cpu.ts';
import { startLoad } from '../load-process.ts';
import type { VerifyReply } from '../loads/verify-log.ts';
import { openMeasuredStack, type MeasuredStack } from '../measured-stack.ts';
import { median } from '../statistics.ts';
import { WAITING } from '../waiting-task.ts';

type Round = VerifyReply & { readonly postgresCpuMs: number };
type Log = { readonly what: string; readonly rounds: readonly Round[] };

export const verify: Benchmark = {
  name: 'verify',
  about: 'proving a whole log: of as many completed tasks (--tasks), and with as many open ones behind them',
  tasks: 100_000,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks } = options;
  await using stack = await openMeasuredStack(options);
  progress(`${tasks} tasks, from submit to completed`);
  await stack.throughput({ agent: 'echo', inputJson: '{"n":1}', tasks });
  const count = tasks.toLocaleString('en');
  const completed = await verifyRounds(stack, options, `${count} completed tasks`);
  progress(`${tasks} open tasks behind them`);
  await stack.submit({ ...WAITING, tasks });
  await stack.watch.untilPublished(signal);
  const open = await verifyRounds(stack, options, `the same and ${count} open tasks`);
  const problems = await stack.ledgerProblems(tasks);
  return {
    name: 'verify',
    versions: stack.versions,
    tables: [tableOf([completed, open])],
    raw: [completed, open],
    problems,
  };
}

async function verifyRounds(stack: MeasuredStack, options: BenchmarkOptions, what: string): Promise<Log> {
  const rounds: Round[] = [];
  for (let round = 0; round <= options.rounds; round += 1) {
    options.signal.throwIfAborted();
    // A new process each time: what was compiled and cached by the one before is not this one's.
    using verifying = startLoad<object, VerifyReply>('verify-log', { url: stack.urls.databaseUrl });
    const { postgres = 0 } = stack.pids();
    const before = cpuSeconds({ postgres });
    const reply = await verifying.ask({});
    // Sessions that have ended count for the server that has buried them.
    const { postgres: seconds = 0 } = cpuBetween(before, cpuSeconds({ postgres }));
    const one = { ...reply, postgresCpuMs: seconds * 1_000 };
    options.progress(`${round === 0 ? 'warm-up' : `round ${round}`}: ${perSecond(one).toFixed(0)} events/s`);
    if (round > 0) rounds.push(one);
  }
  return { what, rounds };
}

function tableOf(logs: readonly Log[]) {
  return {
    head: ['', 'events', 'events/s', 'CPU of verify, µs per event', 'CPU of Postgres, µs per event', 'largest RSS, MB'],
    rows: logs.map(({ what, rounds }) => {
      const middle = (pick: (round: Round) => number) => median(rounds.map(pick));
      return [
        what,
        middle(({ events }) => events).toLocaleString('en'),
        `**${Math.round(middle(perSecond)).toLocaleString('en')}**`,
        middle(({ cpuMs, events }) => (cpuMs * 1_000) / events).toFixed(1),
        middle(({ postgresCpuMs, events }) => (postgresCpuMs * 1_000) / events).toFixed(1),
        middle(({ rssBytes }) => rssBytes / 1e6).toFixed(0),
      ];
    }),
  };
}

function perSecond({ events, ms }: Round): number {
  return (events * 1_000) / ms;
}
