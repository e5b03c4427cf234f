import { setTimeout as delay } from 'node:timers/promises';
import { AgentError, defineAgent } from '@morningai/sdk';
import { z } from 'zod';

const DELAY_MAX_MS = 3_600_000;

const input = z.looseObject({
  /** Wait this long before answering. */
  delayMs: z.number().int().min(0).max(DELAY_MAX_MS).optional(),
  /** Fail this many attempts first. */
  failTimes: z.number().int().min(0).max(100).optional(),
  /** Record this many steps. */
  steps: z.number().int().min(0).max(1_000).optional(),
});

/** For drills and benches: returns its input. */
export const echoAgent = defineAgent({
  name: 'echo',
  version: '1',
  input,
  retry: { baseMs: 50, capMs: 1_000 },
  async run(ctx, request) {
    if (ctx.task.attempt <= (request.failTimes ?? 0)) {
      throw new AgentError('ECHO_FAILS', `attempt ${ctx.task.attempt} of ${request.failTimes} that fail`);
    }
    for (let index = 0; index < (request.steps ?? 0); index += 1) {
      await ctx.step(`step-${index}`, async () => index);
    }
    if (request.delayMs !== undefined && request.delayMs > 0)
      await delay(request.delayMs, undefined, { signal: ctx.signal });
    return request;
  },
});
