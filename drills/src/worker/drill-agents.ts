/** Agents that do to themselves what their input says. They reach the outside world (outside-world.ts) over HTTP. */
import { defineAgent } from '@morningai/sdk';
import { z } from 'zod';
import type { Call } from '../outside-world.ts';

/** The least that is allowed: a drill waits for leases to run out. */
const LEASE_MS = 5_000;
const OVER_LIMIT_CHARACTERS = 10 * 1024 * 1024;

/** Of the names asked for; two drills at once must not share one. */
export function createDrillAgents(options: {
  readonly worldUrl: string;
  readonly workerId: string;
  readonly names: readonly string[];
}) {
  const call = async (made: Omit<Call, 'worker'>, signal?: AbortSignal) => {
    const answer = await fetch(options.worldUrl, {
      method: 'POST',
      body: JSON.stringify({ ...made, worker: options.workerId }),
      ...(signal && { signal }),
    });
    return (await answer.json()) as { receipt: string };
  };

  /** One effect, with a word to the world before it, between effect and record, and after the record. */
  const effect = (name: string) =>
    defineAgent({
      name,
      version: '1',
      input: z.looseObject({}),
      leaseMs: LEASE_MS,
      retry: { baseMs: 20, capMs: 100, maxCrashes: 5 },
      async run(ctx) {
        const task = ctx.task.id;
        const { attempt } = ctx.task;
        await call({ kind: 'reached', task, attempt, what: 'before' });
        const receipt = await ctx.step(
          'effect',
          async ({ key }) => {
            const { receipt } = await call({ kind: 'effect', task, attempt, what: key });
            await call({ kind: 'reached', task, attempt, what: 'between' });
            return receipt;
          },
          { effect: true },
        );
        await call({ kind: 'reached', task, attempt, what: 'after' });
        return { receipt, by: options.workerId };
      },
    });

  const poison = (name: string) =>
    defineAgent({
      name,
      version: '1',
      input: z.object({ how: z.enum(['abort', 'throw', 'hang', 'memory', 'output']), atOnce: z.boolean() }),
      leaseMs: LEASE_MS,
      retry: { baseMs: 20, capMs: 100, maxCrashes: 1, maxAttempts: 2 },
      async run(ctx, { how, atOnce }) {
        if (!atOnce) await call({ kind: 'reached', task: ctx.task.id, attempt: ctx.task.attempt, what: 'poison' });
        switch (how) {
          case 'abort':
            return process.abort();
          case 'throw':
            throw new Error('poison');
          case 'hang':
            // Blocks the whole process: no heartbeat leaves it any more.
            for (;;);
          case 'memory':
            for (const hoard: unknown[] = []; ;) hoard.push(Array.from({ length: 100_000 }, (_, n) => `${how} ${n}`));
          case 'output':
            return 'x'.repeat(OVER_LIMIT_CHARACTERS);
          default:
            return how satisfies never;
        }
      },
    });

  return options.names.map((name) => (name.startsWith('drill-poison') ? poison(name) : effect(name)));
}
