/** Bugs of deciding and dispatching: the simulation sees them. */
import type { Bug } from './bug.ts';

const CORE = 'packages/core/src/task.ts';
const BATCH = 'packages/log/src/task-batch.ts';
const DISPATCH = 'services/orchestrator/src/dispatch';
const DOMAIN = 'services/orchestrator/src/domain';

export const SIMULATED: readonly Bug[] = [
  {
    name: 'fence-not-compared',
    says: 'an outcome is taken from any attempt while the task runs',
    seenBy: 'simulation',
    breaks: '6 the fence of an outcome is the newest grant before it',
    patches: [
      {
        file: CORE,
        find: '  if (fence !== state.fence) throw fenced(fence);\n  if (state.status',
        replace: '  if (state.status',
      },
    ],
  },
  {
    name: 'claimed-while-running',
    says: 'a stale or double hint claims a task that runs already',
    seenBy: 'simulation',
    breaks: '7 legal transitions only',
    patches: [
      {
        file: CORE,
        find: "if (state.status !== 'queued' || state.claimId === command.claimId) return [];",
        replace: "if (isFinished(state) || state.status === 'none' || state.claimId === command.claimId) return [];",
      },
      // Or the lease, which is when it is due to be looked at again, would refuse it.
      { file: BATCH, find: "  Start: 'due',\n", replace: '' },
    ],
  },
  {
    name: 'outcome-twice',
    says: 'a task that has ended takes another outcome, and its version is not compared',
    seenBy: 'simulation',
    breaks: '4 at most one outcome per life of a task',
    patches: [
      {
        file: CORE,
        find: "      return holdsClaim(state, command.fence, 'completed')\n",
        replace: '      return command.fence === lifeOf(state).fence\n',
      },
    ],
  },
  {
    name: 'lease-not-decided-under-the-lock',
    says: 'whether a lease has run out is decided by whoever looked, some time ago, and not under the append lock',
    seenBy: 'simulation',
    breaks: '6 fences; a lease that was renewed holds',
    patches: [
      { file: BATCH, find: 'unlessLeased: expire ? { fence: expire.fence } : null,', replace: 'unlessLeased: null,' },
      {
        file: `${DISPATCH}/expiry.ts`,
        find: '  const deadlineAt = askedAt + END_WITHIN_MS;\n',
        replace: '  await delay(END_WITHIN_MS);\n  const deadlineAt = askedAt + 2 * END_WITHIN_MS;\n',
      },
    ],
  },
  {
    name: 'no-grace-after-an-outage',
    says: 'leases that nobody could renew while Postgres was away are ended when it is back',
    seenBy: 'simulation',
    breaks: '9 no attempt of a healthy worker expires',
    patches: [
      {
        file: `${DOMAIN}/grace.ts`,
        find: 'isOver: (leaseMs, now) => now >= backAt + leaseMs,',
        replace: 'isOver: () => true,',
      },
      {
        file: `${DISPATCH}/heartbeats.ts`,
        find: '        if (!waiting.has(key)) waiting.set(key, one);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'limit-not-guarded',
    says: 'a limit of running tasks is checked before the append, and not in it',
    seenBy: 'simulation',
    breaks: 'limits hold across orchestrators',
    patches: [
      {
        file: BATCH,
        find: 'const limit = delta > 0 ? limits',
        replace: 'const limit = delta > 1 ? limits',
      },
    ],
  },
  {
    name: 'retry-comes-early',
    says: 'a claim does not ask whether the task is due',
    seenBy: 'simulation',
    breaks: '7 a failed attempt is not tried again before its time',
    patches: [{ file: BATCH, find: "  Start: 'due',\n", replace: '' }],
  },
  {
    name: 'crashes-not-counted',
    says: 'a crash is counted in memory only: the state that is stored does not have it',
    seenBy: 'simulation',
    breaks: '9 attempts are at most maxAttempts, crashes are counted',
    patches: [
      {
        file: CORE,
        find: 'const crashes = state.crashes + 1;',
        replace: 'const crashes = state.crashes;',
      },
    ],
  },
  {
    name: 'failures-not-counted',
    says: 'a failed attempt is not counted in the state that is stored',
    seenBy: 'simulation',
    breaks: '9 attempts are at most maxAttempts',
    patches: [
      {
        file: CORE,
        find: "return { ...life, status: 'queued', failures: life.failures + 1, ended: 'failed' };",
        replace: "return { ...life, status: 'queued', ended: 'failed' };",
      },
    ],
  },
  {
    name: 'never-begun-is-a-crash',
    says: 'a claim whose orchestrator died before the worker had it counts as a crash of the task',
    seenBy: 'simulation',
    breaks: 'O1 no healthy task loses an attempt it never began',
    patches: [{ file: CORE, find: '  if (!command.begun && !state.begun) return', replace: '  if (false) return' }],
  },
  {
    name: 'leader-lease-from-the-answer',
    says: 'the leader counts its lease from the answer, and so longer than Postgres',
    seenBy: 'simulation',
    breaks: 'one leader at a time',
    patches: [
      {
        file: `${DISPATCH}/leadership.ts`,
        find: 'lease.answered(term, askedAt)',
        replace: 'lease.answered(term, performance.now())',
      },
    ],
  },
  {
    name: 'refill-skips-a-tenant',
    says: 'a new epoch is not filled with the tasks of the first tenant',
    seenBy: 'simulation',
    breaks: '13 after settling each due task has a ticket or waits for room',
    patches: [
      { file: `${DISPATCH}/top-up.ts`, find: 'backlog.openAll(lines);', replace: 'backlog.openAll(lines.slice(1));' },
    ],
  },
  {
    name: 'marker-only-repair',
    says: 'lost tickets are noticed by the marker only: what vanished alone is never looked for',
    seenBy: 'simulation',
    breaks: '14 every due task whose limits allow it is offered',
    patches: [
      {
        file: `${DISPATCH}/log-lane.ts`,
        find: '    await pick(agent, { dueForMs: PATIENCE_MS, atLeast });\n',
        replace: '',
      },
      {
        file: `${DOMAIN}/ticket-window.ts`,
        find: '          if (seemsLost(line, entry)) lost.push(entry);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'log-lane-needs-redis',
    says: 'while the queue lane is closed nothing is picked',
    seenBy: 'simulation',
    breaks: '14 every due task whose limits allow it is offered',
    patches: [
      {
        file: `${DISPATCH}/log-lane.ts`,
        find: '      if ((await pick(agent)) === 0) await',
        replace: '      await',
      },
    ],
  },
  {
    name: 'unbounded-window',
    says: 'all that is due gets a ticket',
    seenBy: 'simulation',
    breaks: "26 Redis' memory is bounded",
    patches: [
      {
        file: `${DOMAIN}/ticket-window.ts`,
        find: 'return Math.max(0, Math.floor(Math.min(own, whole)));',
        replace: 'return Math.max(1_000_000, own, whole);',
      },
    ],
  },
  {
    name: 'held-back-for-ever',
    says: 'what a concurrency key held back is not offered again when the key is free',
    seenBy: 'simulation',
    breaks: '8 every task is finished or waits with a reason',
    patches: [
      {
        file: `${DOMAIN}/held-back.ts`,
        find: '    keyOfTask.delete(first.taskId);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'epoch-from-memory',
    says: 'the next epoch is one more than this process remembers, and not an event',
    seenBy: 'simulation',
    breaks: '23 epochs only rise',
    patches: [
      {
        file: `${DISPATCH}/queue-lane.ts`,
        find: 'const epoch = await startEpoch(pool, { term, cause, redis: place() });',
        replace: 'const epoch = (await startEpoch(pool, { term, cause, redis: place() })) && (open?.epoch ?? 0) + 1;',
      },
    ],
  },
  {
    name: 'silent-worker-is-fed',
    says: 'who is connected and says nothing is given more',
    seenBy: 'simulation',
    breaks: 'a worker that is silent for two heartbeats gets nothing new',
    patches: [{ file: `${DISPATCH}/silence.ts`, find: "      roster.rest(session, 'silent');\n", replace: '' }],
  },
  {
    name: 'slot-given-twice',
    says: 'a slot that waits for its claim is taken to be free',
    seenBy: 'simulation',
    breaks: 'never more is assigned than slots are free',
    patches: [
      {
        file: `${DOMAIN}/roster.ts`,
        find: '      if (member !== undefined) {\n        take(member);\n',
        replace: '      if (member !== undefined) {\n',
      },
    ],
  },
  {
    name: 'lost-commit-is-refused',
    says: 'a commit whose answer was lost is told to its caller as not stored, and decided on what was known before',
    seenBy: 'simulation',
    breaks: '5 every acknowledged end is in the log with its fence',
    patches: [
      {
        file: 'packages/log/src/task-writer.ts',
        find: '    mailbox.putBack(stillWanted(batch));\n    schedule();\n    const pauseMs',
        replace:
          "    for (const entry of batch) if (entry.urgency === 'outcome') entry.settle.resolve({ ...({} as Written), events: [], taskId: entry.taskId });\n    mailbox.putBack(stillWanted(batch.filter((entry) => entry.urgency !== 'outcome')));\n    schedule();\n    const pauseMs",
      },
    ],
  },
];
