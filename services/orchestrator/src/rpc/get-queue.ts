import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { GetQueueResponse } from '@morningai/rpc/system';
import { queueCounts } from '../store/queue-counts.ts';
import type { Parts } from './parts.ts';
import { redisMessage } from './redis-message.ts';

export async function getQueue({ pool, dispatcher, roster }: Parts): Promise<GetQueueResponse> {
  const counts = await queueCounts(pool).catch(storeUnavailable);
  const { lane, why, term, epoch, ticketed, redis } = dispatcher.status();
  const knowsTickets = lane === 'queue' && term !== null;
  const agents = counts.map(({ agent, due, scheduled, running, oldestDueAt }) => ({
    agent,
    due: BigInt(due),
    scheduled: BigInt(scheduled),
    running: BigInt(running),
    freeSlots: roster.free(agent),
    oldestDueAt: oldestDueAt ?? undefined,
  }));
  return {
    lane,
    why,
    term: known(term),
    epoch: known(epoch),
    tickets: known(knowsTickets ? ticketed : null),
    agents,
    redis: { ...redisMessage(redis), sealedUrl: '' },
  };
}

function known(value: number | null): bigint | undefined {
  return value === null ? undefined : BigInt(value);
}
