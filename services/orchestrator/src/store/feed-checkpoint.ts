import type { FeedCheckpoint } from '@morningai/bus/feed';
import type { Pool, Statement } from '@morningai/log/pool';

const LOAD: Statement = {
  name: 'load_feed_checkpoint',
  sql: `SELECT position, stream_created AS "streamCreated", last_sequence AS "lastSequence" FROM feed_checkpoint`,
};

export async function loadFeedCheckpoint(pool: Pool): Promise<FeedCheckpoint | null> {
  const rows = await pool.query<FeedCheckpoint>(LOAD, []);
  return rows[0] ?? null;
}

const SAVE: Statement = {
  name: 'save_feed_checkpoint',
  sql: `INSERT INTO feed_checkpoint (position, stream_created, last_sequence) VALUES ($1, $2, $3)
        ON CONFLICT (singleton) DO UPDATE SET
          position = excluded.position, stream_created = excluded.stream_created, last_sequence = excluded.last_sequence`,
};

export async function saveFeedCheckpoint(pool: Pool, checkpoint: FeedCheckpoint): Promise<void> {
  await pool.query(SAVE, [checkpoint.position, checkpoint.streamCreated, checkpoint.lastSequence]);
}
