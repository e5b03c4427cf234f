/** Keeps the feed up with the log. NATS may be away for as long as it likes: the log is read on from where the feed stands. */
import { performance } from 'node:perf_hooks';
import { openFeed, type Feed, type FeedCheckpoint } from '@morningai/bus/feed';
import type { Pool } from '@morningai/log/pool';
import { readEvents, type LogEvent } from '@morningai/log/read';
import { createRecentEvents } from '@morningai/log/recent-events';
import { withoutPassword, type Logger } from '@morningai/service/logger';
import { untilItWorks } from '@morningai/service/retry';
import { createWaker } from '@morningai/service/waker';
import { loadFeedCheckpoint, saveFeedCheckpoint } from '../store/feed-checkpoint.ts';

const PAGE = 1_000;
/** What the stream itself holds last says where to go on: a checkpoint that is a second old loses nothing. */
const CHECKPOINT_MS = 1_000;
/** The fallback that always works; appends of this process wake it at once. */
const POLL_MS = 500;

export type Publisher = {
  /** This process has written them: what joins on is published without being read back. */
  wrote(events: readonly LogEvent[]): void;
  /** The last position that JetStream has acknowledged. */
  readonly position: number;
  close(): Promise<void>;
};

export type PublisherParts = {
  readonly pool: Pool;
  readonly natsUrl: string;
  readonly incarnation: string;
  readonly stream: string;
  /** One publishes: the others wait until they lead. What both sent in between, the stream's expected sequence refuses. */
  readonly leads: () => boolean;
  readonly logger: Logger;
};

export function startPublisher(parts: PublisherParts): Publisher {
  const { pool, natsUrl, incarnation, stream, logger, leads } = parts;
  const stop = new AbortController();
  const waker = createWaker();
  const recent = createRecentEvents();
  let position = 0;

  const follow = async (feed: Feed) => {
    let checkpoint: FeedCheckpoint = await feed.resume(await loadFeedCheckpoint(pool));
    logger.info({ position: checkpoint.position, lastSequence: checkpoint.lastSequence }, 'feed resumed');
    let saved = checkpoint;
    let savedAt = performance.now();
    const save = async () => {
      await saveFeedCheckpoint(pool, checkpoint);
      saved = checkpoint;
      savedAt = performance.now();
    };
    let lost = false;
    void feed.closed.then(() => {
      lost = true;
      waker.wake();
    });
    while (!stop.signal.aborted && leads()) {
      position = checkpoint.position;
      if (lost) throw new Error('the connection to NATS was lost');
      const own = recent.takeAfter(checkpoint.position, PAGE);
      const events = own.length > 0 ? own : await readEvents(pool, checkpoint.position, PAGE);
      if (events.length > 0) {
        checkpoint = await feed.publish(checkpoint, events);
        if (performance.now() - savedAt > CHECKPOINT_MS) await save();
        continue;
      }
      if (saved !== checkpoint) await save();
      await waker.sleep(POLL_MS, stop.signal);
    }
  };

  const run = async () => {
    const fields = { natsUrl: withoutPassword(natsUrl) };
    while (!stop.signal.aborted) {
      await untilItWorks({ logger, message: 'feed not published', fields }, stop.signal, async () => {
        if (!leads()) return;
        const feed = await openFeed({ url: natsUrl, incarnation, stream });
        try {
          await follow(feed);
        } finally {
          await feed.close();
        }
      });
      await waker.sleep(POLL_MS, stop.signal);
    }
  };
  const running = run().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });

  return {
    wrote(events) {
      if (!leads()) return;
      recent.add(events);
      waker.wake();
    },
    get position() {
      return position;
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}
