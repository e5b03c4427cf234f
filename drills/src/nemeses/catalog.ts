import { frozen, killed, killedAgain } from './component-faults.ts';
import { hostFrozen, hostKilled } from './host-faults.ts';
import type { Nemesis } from './nemesis.ts';
import { poolExhausted, postgresTerminated } from './postgres-faults.ts';
import {
  flushall,
  keysDeleted,
  redisCrowded,
  redisFull,
  redisPassword,
  redisReadOnly,
  redisScriptsFlushed,
  redisWiped,
  staleCopy,
} from './redis-faults.ts';
import { halfReplied, partitioned, reset, slow } from './wire-faults.ts';

/** All that a random schedule draws from. */
export const NEMESES: readonly Nemesis[] = [
  killed('redis', { row: 'R1', lastsMs: [100, 10_000], isDown: true, mayExpire: false }),
  redisWiped,
  flushall,
  keysDeleted,
  staleCopy,
  partitioned('redis', { row: 'R7', lastsMs: [500, 10_000], isDown: true }),
  reset('redis', { row: 'R8', lastsMs: [300, 3_000], isDown: true }),
  halfReplied('redis', { row: 'R8', lastsMs: [300, 3_000], isDown: false }),
  redisFull,
  slow('redis', { row: 'R10', lastsMs: [1_000, 4_000], isDown: false }),
  frozen('redis', { row: 'R10', lastsMs: [500, 10_000], isDown: true, mayExpire: false }),
  redisReadOnly,
  redisPassword,
  redisCrowded,
  redisScriptsFlushed,
  killedAgain('postgres', { row: 'P1', lastsMs: [100, 4_000], isDown: false, mayExpire: false }),
  postgresTerminated,
  partitioned('postgres', { row: 'P2', lastsMs: [500, 3_000], isDown: true }),
  reset('postgres', { row: 'P2', lastsMs: [300, 2_000], isDown: true }),
  halfReplied('postgres', { row: 'P2', lastsMs: [300, 2_000], isDown: false }),
  poolExhausted,
  frozen('postgres', { row: 'P3', lastsMs: [500, 3_000], isDown: true, mayExpire: false }),
  killed('nats', { row: 'N1', lastsMs: [100, 10_000], isDown: true, mayExpire: false }),
  partitioned('nats', { row: 'N1', lastsMs: [500, 10_000], isDown: true }),
  hostKilled,
  hostFrozen,
  killed('agents', { row: 'W1', lastsMs: [100, 1_000], isDown: false, mayExpire: true }),
  killed('orchestrator', { row: 'O1', lastsMs: [100, 1_000], isDown: false, mayExpire: false }),
  frozen('orchestrator', { row: 'O1', lastsMs: [500, 2_000], isDown: false, mayExpire: false }),
  killed('ingest', { row: 'I2', lastsMs: [100, 1_000], isDown: false, mayExpire: false }),
  frozen('ingest', { row: 'O3', lastsMs: [500, 2_000], isDown: false, mayExpire: false }),
  killed('health', { row: 'H1', lastsMs: [100, 1_000], isDown: false, mayExpire: false }),
];
