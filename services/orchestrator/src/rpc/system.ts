import { storeUnavailable } from '@morningai/log/postgres-failure';
import { readEvents as readLog, readHead } from '@morningai/log/read';
import type { CallContext } from '@morningai/rpc/server';
import type { GetStatusResponse, ReadEventsRequest, ReadEventsResponse } from '@morningai/rpc/system';
import { oldestDueAt } from '../store/oldest-due.ts';
import { eventMessage } from './event-message.ts';
import { loadFeedCheckpoint } from '../store/feed-checkpoint.ts';
import type { Parts } from './parts.ts';
import { redisMessage } from './redis-message.ts';

/** Small enough that a frame of the largest inputs stays under the message limit. */
const FRAME_EVENTS = 200;
const FRAME_BYTES = 2 * 1024 * 1024;

export async function* readEvents(
  parts: Parts,
  request: ReadEventsRequest,
  context: CallContext,
): AsyncGenerator<ReadEventsResponse> {
  const { head } = await readHead(parts.pool).catch(storeUnavailable);
  const wanted = request.limit === 0n ? Infinity : Number(request.limit);
  let after = Number(request.afterPosition);
  const last = Math.min(head, after + wanted);
  while (after < last && !context.signal.aborted) {
    const rows = await readLog(parts.pool, after, Math.min(FRAME_EVENTS, last - after)).catch(storeUnavailable);
    let frame: ReadEventsResponse = { events: [] };
    let bytes = 0;
    for (const row of rows) {
      const size = Buffer.byteLength(row.dataText);
      if (bytes > 0 && bytes + size > FRAME_BYTES) {
        yield frame;
        [frame, bytes] = [{ events: [] }, 0];
      }
      frame.events.push(eventMessage(row));
      bytes += size;
      after = row.position;
    }
    yield frame;
  }
}

export async function getStatus(parts: Parts): Promise<GetStatusResponse> {
  const { pool, publisher } = parts;
  const [log, oldest, published] = await Promise.all([
    readHead(pool),
    oldestDueAt(pool),
    // Another orchestrator may be the one that publishes.
    loadFeedCheckpoint(pool),
  ]).catch(storeUnavailable);
  const { members } = parts.roster;
  return {
    logIncarnation: log.incarnation,
    head: BigInt(log.head),
    feedPosition: BigInt(Math.max(publisher.position, published?.position ?? 0)),
    workers: members.length,
    freeSlots: parts.roster.freeSlots,
    running: members.reduce((sum, member) => sum + member.held.size, 0),
    oldestDueAt: oldest ?? undefined,
    redis: redisMessage(parts.dispatcher.status().redis),
  };
}
