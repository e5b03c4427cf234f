/** Bugs of what only real processes and servers have: random drills see them. */
import type { Bug } from './bug.ts';

const APPEND = 'packages/log/migrations/0002_append.sql';

export const DRILLED: readonly Bug[] = [
  {
    name: 'ack-before-commit',
    says: 'a task is called accepted when it is on its way to the log',
    seenBy: 'drills',
    breaks: '1 every accepted task is in the log',
    invariants: ['accepted-once', 'one-key-one-task', 'kept'],
    patches: [
      {
        file: 'services/orchestrator/src/rpc/submit-tasks.ts',
        find: '  const written = await writeAndBegin(parts, assignment, command, context);\n',
        replace: `  if (parts.maxOpenTasks > 0) {
    void writeAndBegin(parts, assignment, command, context).catch(() => undefined);
    return accepted(submittedMessage(requested.id, tenant, command, new Date()), false);
  }
  const written = await writeAndBegin(parts, assignment, command, context);
`,
      },
    ],
  },
  {
    name: 'commit-not-durable',
    says: 'a commit returns before it is on disk',
    seenBy: 'drills',
    breaks: '19 acknowledged before a crash, there after it',
    invariants: ['kept', 'accepted-once', 'acknowledged-ends'],
    patches: [
      {
        file: APPEND,
        find: `  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;`,
        replace: "  PERFORM set_config('synchronous_commit', 'off', true);",
      },
    ],
  },
  {
    name: 'feed-forgets-the-tail',
    says: 'the last event of a page that is published is left out',
    seenBy: 'drills',
    breaks: '17 JetStream is the log after settling',
    invariants: ['feed-is-log'],
    patches: [
      {
        file: 'services/orchestrator/src/dispatch/publisher.ts',
        find: '        checkpoint = await feed.publish(checkpoint, events);\n',
        replace: `        const some = events.length > 1 ? events.slice(0, -1) : events;
        checkpoint = await feed.publish(checkpoint, some);
        checkpoint = { ...checkpoint, position: events.at(-1)?.position ?? checkpoint.position };
`,
      },
    ],
  },
  {
    name: 'effect-key-per-attempt',
    says: 'each attempt has an idempotency key of its own for the same effect',
    seenBy: 'drills',
    breaks: '18 per task and effect key one recorded receipt',
    invariants: ['one-receipt'],
    patches: [
      {
        file: 'packages/sdk/src/attempt.ts',
        find: '  const key = `${claim.task}/${index}/${name}`;',
        replace: '  const key = `${claim.task}/${claim.fence}/${index}/${name}`;',
      },
    ],
  },
  {
    name: 'worker-forgets-results',
    says: 'what was not acknowledged is not said again after a reconnect',
    seenBy: 'drills',
    breaks: '8 every task is finished or waits with a reason',
    invariants: ['settled', 'acknowledged-ends'],
    patches: [
      {
        file: 'packages/sdk/src/worker.ts',
        find: '        for (const { message: unacknowledged } of held.values()) connection.send(unacknowledged);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'health-only-pings',
    says: 'a component is called up whatever its probe says',
    seenBy: 'drills',
    breaks: '27 health tells the truth within seconds',
    invariants: ['health-tells'],
    patches: [
      {
        file: 'services/health/src/http/component.ts',
        find: '      const { up } = await probes.probe(component);\n',
        replace: '      const { up } = { ...(await probes.probe(component)), up: true as boolean };\n',
      },
    ],
  },
  {
    name: 'kept-tickets',
    says: 'tickets that were used stay in Redis',
    seenBy: 'drills',
    breaks: "26 Redis' memory is bounded",
    invariants: ['bounded', 'tickets-open'],
    patches: [
      {
        file: 'packages/queue/src/offers.ts',
        find: 'removeOnComplete: true',
        replace: 'removeOnComplete: false',
      },
    ],
  },
];
