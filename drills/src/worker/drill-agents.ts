/** Agents that do to themselves what their input says. They reach the outside world (outside-world.ts) over HTTP. */
import { setTimeout as delay } from 'node:timers/promises';
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

  /** One effect, with a word to the world before it, between effect and record, and after the record; and when the claim was lost. */
  const effect = (name: string) =>
    defineAgent({
      name,
      version: '1',
      input: z.looseObject({
        /** Half of it before the effect, half behind its record. */
        workMs: z.number().min(0).max(60_000).optional(),
        /** Between the effect and its record. */
        effectMs: z.number().min(0).max(60_000).optional(),
      }),
      leaseMs: LEASE_MS,
      retry: { baseMs: 20, capMs: 100, maxCrashes: 5 },
      async run(ctx, { workMs = 0, effectMs = 0 }) {
        const task = ctx.task.id;
        const { attempt } = ctx.task;
        const work = () => delay(workMs / 2, undefined, { signal: ctx.signal });
        const tellOfFence = () => void call({ kind: 'reached', task, attempt, what: 'fenced' }).catch(() => undefined);
        ctx.signal.addEventListener('abort', () => codeOf(ctx.signal.reason) === 'FENCED' && tellOfFence());
        await call({ kind: 'reached', task, attempt, what: 'before' });
        await work();
        const receipt = await ctx.step(
          'effect',
          async ({ key }) => {
            const { receipt } = await call({ kind: 'effect', task, attempt, what: key });
            await call({ kind: 'reached', task, attempt, what: 'between' });
            await delay(effectMs, undefined, { signal: ctx.signal });
            return receipt;
          },
          { effect: true },
        );
        await call({ kind: 'reached', task, attempt, what: 'after' });
        await work();
        return { receipt, attempt, by: options.workerId };
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

  /** For many of them: nothing but their being done. */
  const quick = (name: string) => defineAgent({ name, version: '1', input: z.unknown(), run: async () => null });

  return options.names.map((name) => {
    if (name.startsWith('drill-poison')) return poison(name);
    return name.startsWith('drill-quick') ? quick(name) : effect(name);
  });
}

function codeOf(reason: unknown): unknown {
  return typeof reason === 'object' && reason !== null && 'code' in reason ? reason.code : undefined;
}
