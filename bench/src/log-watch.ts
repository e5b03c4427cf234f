/** Watches the log grow, on a connection of its own, with probes that cost it next to nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import {
  SystemServiceClient,
  type GetQueueRequest,
  type GetQueueResponse,
  type GetStatusRequest,
  type GetStatusResponse,
} from '@morningai/rpc/system';
import pg from 'pg';
import { nowMs } from './loads/serve-load.ts';

/** A no-op task: TaskSubmitted, AttemptStarted, TaskCompleted. */
const EVENTS_PER_TASK = 3;
const LOOK_MS = 10;
/** Without one event for so long, it has stalled. */
const STALLED_MS = 15_000;
const FEED_MS = 60_000;
const STATUS_MS = 5_000;
const LANE_MS = 30_000;

export type Watched = {
  /** When all outcomes were seen, ms since 1970. */
  readonly endedAt: number;
  /** The longest time without an event between the first and the last. */
  readonly longestPauseMs: number;
  /** Events beyond three per task: claims lost, released, expired. */
  readonly extraEvents: number;
};

export type Latency = { readonly p50: number; readonly p95: number; readonly max: number };

export type LogWatch = AsyncDisposable & {
  head(): Promise<number>;
  /** Resolves when so many tasks submitted after `from` have their outcome. @throws when it stalls */
  untilCompleted(from: number, tasks: number, signal: AbortSignal): Promise<Watched>;
  /** Accepted → attempt started, ms, of the tasks submitted after `from`. */
  startLatency(from: number): Promise<Latency>;
  /** Resolves when JetStream has the whole log. @returns how long that took, ms */
  untilPublished(signal: AbortSignal): Promise<number>;
  /** Resolves when the orchestrator says that work goes by this lane. @throws when it does not in time */
  untilLane(lane: 'queue' | 'log', signal: AbortSignal): Promise<void>;
};

export async function openLogWatch(options: {
  readonly databaseUrl: string;
  readonly orchestratorAddress: string;
  readonly apiKey: string;
}): Promise<LogWatch> {
  const client = new pg.Client({ connectionString: options.databaseUrl, application_name: 'bench' });
  await client.connect();
  const system = openClient(SystemServiceClient, options.orchestratorAddress);
  const metadata = bearer(options.apiKey);

  const number = async (name: string, text: string, values: readonly unknown[] = []) => {
    const { rows } = await client.query<{ value: string }>({ name, text, values: [...values] });
    return Number(rows[0]?.value ?? 0);
  };
  const head = () => number('head', 'SELECT last_position AS value FROM commits ORDER BY last_position DESC LIMIT 1');
  const outcomes = (from: number) =>
    number('outcomes', 'SELECT count(*) AS value FROM outcomes WHERE position > $1', [from]);

  return {
    head,
    async untilCompleted(from, tasks, signal) {
      let [seen, grewAt, longestPauseMs] = [from, nowMs(), 0];
      for (;;) {
        signal.throwIfAborted();
        const now = await head();
        if (now > seen) {
          if (seen > from) longestPauseMs = Math.max(longestPauseMs, nowMs() - grewAt);
          [seen, grewAt] = [now, nowMs()];
        }
        // Outcomes are counted only once there may be enough of them.
        const lookedAt = nowMs();
        if (seen - from >= EVENTS_PER_TASK * tasks && (await outcomes(from)) >= tasks) {
          return { endedAt: lookedAt, longestPauseMs, extraEvents: (await head()) - from - EVENTS_PER_TASK * tasks };
        }
        if (nowMs() - grewAt > STALLED_MS) {
          throw new Error(`stalled: ${await outcomes(from)} of ${tasks} tasks after ${seen - from} events`);
        }
        await delay(LOOK_MS);
      }
    },
    async startLatency(from) {
      const { rows } = await client.query<Latency>(
        `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95,
                max(ms)::float8 AS max
         FROM (SELECT (extract(epoch FROM started_at - created_at) * 1000)::float8 AS ms FROM tasks WHERE submitted_position > $1) t`,
        [from],
      );
      if (rows[0] === undefined) throw new Error('no tasks');
      return rows[0];
    },
    async untilPublished(signal) {
      const startedAt = nowMs();
      const target = BigInt(await head());
      while (nowMs() - startedAt < FEED_MS) {
        signal.throwIfAborted();
        const { feedPosition } = await callUnary<GetStatusRequest, GetStatusResponse>(
          (...args) => system.getStatus(...args),
          {},
          { metadata, deadlineMs: STATUS_MS },
        );
        if (feedPosition >= target) return nowMs() - startedAt;
        await delay(LOOK_MS);
      }
      throw new Error(`the feed did not reach ${target} within ${FEED_MS} ms`);
    },
    async untilLane(wanted, signal) {
      const startedAt = nowMs();
      while (nowMs() - startedAt < LANE_MS) {
        signal.throwIfAborted();
        const { lane } = await callUnary<GetQueueRequest, GetQueueResponse>(
          (...args) => system.getQueue(...args),
          {},
          { metadata, deadlineMs: STATUS_MS },
        );
        if (lane === wanted) return;
        await delay(LOOK_MS);
      }
      throw new Error(`not in the ${wanted} lane within ${LANE_MS} ms`);
    },
    async [Symbol.asyncDispose]() {
      system.close();
      await client.end();
    },
  };
}
