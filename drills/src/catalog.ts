import type { Drill } from './drill.ts';
import { flushallStorm } from './drills/flushall-storm.ts';
import { flushall } from './drills/flushall.ts';
import { ingestKilled } from './drills/ingest-killed.ts';
import { keysDeleted } from './drills/keys-deleted.ts';
import { orchestratorKilled } from './drills/orchestrator-killed.ts';
import { poison, poisonAtOnce } from './drills/poison.ts';
import { postgresKilled } from './drills/postgres-killed.ts';
import { queueMove } from './drills/queue-move.ts';
import { redisEvicts } from './drills/redis-evicts.ts';
import { redisFull } from './drills/redis-full.ts';
import { redisKilled } from './drills/redis-killed.ts';
import { redisPartition } from './drills/redis-partition.ts';
import { redisWiped } from './drills/redis-wiped.ts';
import { replyLost } from './drills/reply-lost.ts';
import { sentinelFailover } from './drills/sentinel-failover.ts';
import { sentinelNoQuorum } from './drills/sentinel-no-quorum.ts';
import { sentinelStaleReplica } from './drills/sentinel-stale-replica.ts';
import { servicesFrozen } from './drills/services-frozen.ts';
import { staleCopy } from './drills/stale-copy.ts';
import { idleAgent } from './drills/idle-agent.ts';
import { overdue } from './drills/overdue.ts';
import { postgresCut } from './drills/postgres-cut.ts';
import { postgresStuck } from './drills/postgres-stuck.ts';
import { redisBroken } from './drills/redis-broken.ts';
import { redisSlow } from './drills/redis-slow.ts';
import { redisUnwilling } from './drills/redis-unwilling.ts';
import { rowEdited } from './drills/row-edited.ts';
import { twoPrimaries } from './drills/two-primaries.ts';
import { workerClock } from './drills/worker-clock.ts';
import { zombieStorm } from './drills/zombie-storm.ts';
import { workerKilled } from './drills/worker-killed.ts';
import { zombie } from './drills/zombie.ts';

/** In the order of the matrix of faults. */
export const DRILLS: readonly Drill[] = [
  redisKilled,
  redisWiped,
  flushall,
  flushallStorm,
  keysDeleted,
  staleCopy,
  sentinelFailover,
  sentinelStaleReplica,
  sentinelNoQuorum,
  twoPrimaries,
  redisPartition,
  redisBroken,
  redisFull,
  redisEvicts,
  redisSlow,
  redisUnwilling,
  queueMove,
  workerClock,
  overdue,
  postgresKilled,
  postgresCut,
  postgresStuck,
  rowEdited,
  workerKilled,
  zombie,
  zombieStorm,
  poison,
  poisonAtOnce,
  orchestratorKilled,
  servicesFrozen,
  idleAgent,
  replyLost,
  ingestKilled,
];
