import type { Drill } from './drill.ts';
import { flushall } from './drills/flushall.ts';
import { ingestKilled } from './drills/ingest-killed.ts';
import { keysDeleted } from './drills/keys-deleted.ts';
import { orchestratorKilled } from './drills/orchestrator-killed.ts';
import { poison, poisonAtOnce } from './drills/poison.ts';
import { postgresKilled } from './drills/postgres-killed.ts';
import { redisEvicts } from './drills/redis-evicts.ts';
import { redisFull } from './drills/redis-full.ts';
import { redisKilled } from './drills/redis-killed.ts';
import { redisPartition } from './drills/redis-partition.ts';
import { redisWiped } from './drills/redis-wiped.ts';
import { replyLost } from './drills/reply-lost.ts';
import { servicesFrozen } from './drills/services-frozen.ts';
import { staleCopy } from './drills/stale-copy.ts';
import { workerKilled } from './drills/worker-killed.ts';
import { zombie } from './drills/zombie.ts';

/** In the order of the matrix of faults. */
export const DRILLS: readonly Drill[] = [
  redisKilled,
  redisWiped,
  flushall,
  keysDeleted,
  staleCopy,
  redisPartition,
  redisFull,
  redisEvicts,
  postgresKilled,
  workerKilled,
  zombie,
  poison,
  poisonAtOnce,
  orchestratorKilled,
  servicesFrozen,
  replyLost,
  ingestKilled,
];
