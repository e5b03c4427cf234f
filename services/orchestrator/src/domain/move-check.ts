/** Whether the queue may be moved to a Redis, by what it says of itself. Pure. */
import { AppError } from '@morningai/core/errors';
import type { RedisFacts } from '@morningai/queue/inspect-redis';
import { withoutSecrets } from '@morningai/service/secrets';

const POLICY_NEEDED = 'noeviction';
const SAID_LENGTH_MAX = 200;
/** The oldest that BullMQ recommends. */
const VERSION_MIN = [6, 2] as const;
/** What Redis says to who may not come in, or not do this. */
const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM|ERR invalid password|ERR AUTH)/;

/**
 * @param runIdNow of the Redis that is used now; null: it does not answer, so it is another one
 * @throws AppError QUEUE_TARGET_REFUSES, QUEUE_TARGET_UNFIT, QUEUE_TARGET_EVICTS, QUEUE_TARGET_TAKEN, QUEUE_ALREADY_THERE
 */
export function checkTarget(place: string, facts: RedisFacts, runIdNow: string | null): void {
  const refuse = (code: ConstructorParameters<typeof AppError>[0], why: string): never => {
    throw new AppError(code, `${place} ${why}`);
  };
  const { runId, version, role, isCluster, memoryPolicy, foreignKey, refusal } = facts;
  if (runId !== '' && runId === runIdNow) {
    refuse('QUEUE_ALREADY_THERE', 'is the server that the queue is on now (its run_id is the same)');
  }
  if (refusal !== null && REFUSED.test(refusal)) refuse('QUEUE_TARGET_REFUSES', `does not let us write: ${refusal}`);
  if (!isRecent(version)) refuse('QUEUE_TARGET_UNFIT', `is version ${version}, and must be ${VERSION_MIN.join('.')}`);
  if (isCluster) refuse('QUEUE_TARGET_UNFIT', 'is a node of a cluster: tickets need one server');
  if (role !== 'master') refuse('QUEUE_TARGET_UNFIT', `is a replica (role ${role})`);
  if (memoryPolicy !== POLICY_NEEDED) {
    refuse('QUEUE_TARGET_EVICTS', `has maxmemory-policy ${memoryPolicy} and may erase tickets: set ${POLICY_NEEDED}`);
  }
  if (refusal !== null) refuse('QUEUE_TARGET_UNFIT', `takes no writes: ${refusal}`);
  if (foreignKey !== null) {
    const log = /^(morningai-[0-9a-f]{8}):/.exec(foreignKey)?.[1];
    refuse(
      'QUEUE_TARGET_TAKEN',
      log === undefined ? 'has keys that are not ours' : `has the queue of another log, ${log}`,
    );
  }
}

/** What a server that may be anybody's said, fit for a message, a log and a terminal. */
export function saidByOther(text: string, secrets: readonly string[]): string {
  const clean = withoutSecrets(text, secrets).replaceAll(/\p{Cc}+/gu, ' ');
  return clean.length > SAID_LENGTH_MAX ? `${clean.slice(0, SAID_LENGTH_MAX)}…` : clean;
}

/** What went wrong when a Redis was asked. @param why without any secret */
export function unreachable(place: string, why: string): AppError {
  if (REFUSED.test(why)) return new AppError('QUEUE_TARGET_REFUSES', `${place} does not let us in: ${why}`);
  return new AppError('QUEUE_TARGET_UNREACHABLE', `${place} does not answer: ${why}`);
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1]);
}
