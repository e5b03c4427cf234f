/** A primary is killed, and Sentinels put its replica in its place: what both drills of it do, and what it cost. */
import type { Backend } from '@morningai/testbed';
import type { RedisGroup } from '@morningai/testbed/redis-group';
import { eventually } from '@morningai/testbed/eventually';
import { longestGap } from './check.ts';
import type { Stage } from './drill.ts';
import { untilLane } from './lanes.ts';
import { headOf, readTaskEvents } from './read-log.ts';

const PROMOTED_MS = 30_000;
const IN_STEP_MS = 40_000;
const TICKET_MS = 15_000;
/** More than the slots hold: the rest has tickets. */
const BACKLOG = 0.25;

export type Roles = { readonly group: RedisGroup; readonly primary: Backend; readonly replica: Backend };

/** Whoever is the primary now, with a replica that is in step. */
export async function rolesOf({ stack: { group }, signal }: Stage): Promise<Roles> {
  if (group === null) throw new Error('this drill needs a Redis that fails over');
  const roles = async () => {
    const primary = await group.primary();
    const replica = group.servers.find((server) => server !== primary);
    if (replica === undefined || !(await group.replication(replica)).isInStep) throw new Error('no replica is in step');
    return { group, primary, replica };
  };
  return eventually(roles, { deadlineMs: IN_STEP_MS, signal });
}

/** SIGKILL to the primary under load, until tickets flow from what was the replica. Notes how long each part of it took. */
export async function failOver(stage: Stage, { group, primary, replica }: Roles): Promise<void> {
  const { stack, load, signal, mark, note, violated } = stage;
  const from = await headOf(stack.pool);
  const killedAt = Date.now();
  await primary.kill();
  await untilLane(stage, 'log');
  const promoted = async () => {
    const { role } = await group.replication(replica);
    if (role !== 'master') throw new Error('the replica was not promoted');
  };
  await eventually(promoted, { deadlineMs: PROMOTED_MS, everyMs: 5, signal });
  const promotedAt = Date.now();
  note(`promoted ${promotedAt - killedAt} ms after the kill`);
  await untilLane(stage, 'queue');
  await load.submitMany(Math.ceil(stage.tasks * BACKLOG), { agent: 'echo', input: { delayMs: 200 } });
  mark({ what: 'primary', before: primary.url, after: replica.url, left: true });

  const ticketAt = async () => {
    const events = await readTaskEvents(stack.pool, from);
    const claim = events.find(
      ({ type, data, recordedAtMs }) =>
        type === 'AttemptStarted' && data['lane'] === 'queue' && recordedAtMs >= promotedAt,
    );
    if (claim === undefined) throw new Error('no ticket was claimed after the failover');
    return { events, at: claim.recordedAtMs };
  };
  try {
    const { events, at } = await eventually(ticketAt, { deadlineMs: TICKET_MS, everyMs: 100, signal });
    const done = events.filter(({ type, recordedAtMs }) => type === 'TaskCompleted' && recordedAtMs <= at);
    const gap = longestGap([killedAt, ...done.map(({ recordedAtMs }) => recordedAtMs)]);
    note(`promoted → first ticket claimed: ${at - promotedAt} ms`);
    note(`the longest without a completion from the kill until then: ${gap?.ms ?? '?'} ms`);
  } catch (error) {
    signal.throwIfAborted();
    violated((error as Error).message);
  }
}

/** What was the primary comes back, takes itself for one, and is made a replica. */
export async function comeBack({ signal, mark }: Stage, { group, primary: former }: Roles): Promise<void> {
  await former.start();
  const { role: before } = await group.replication(former);
  const follows = async () => {
    const { role, isInStep } = await group.replication(former);
    if (!isInStep) throw new Error('the former primary does not follow yet');
    return role;
  };
  const after = await eventually(follows, { deadlineMs: IN_STEP_MS, signal });
  mark({ what: 'role of the former primary', before, after, left: after === 'slave' });
}
