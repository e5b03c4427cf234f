/** The answer to a worker's Hello: its agents are remembered, and what it still holds of what it works on is found out. */
import { performance } from 'node:perf_hooks';
import { AppError } from '@morningai/core/errors';
import { storableText } from '@morningai/core/json';
import { DEFAULTS, LIMITS } from '@morningai/core/limits';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { AgentOffer, Claim, Hello } from '@morningai/rpc/worker';
import type { Pace } from '../dispatch/pace.ts';
import { heldKey, hold, type WorkSession } from '../dispatch/work-session.ts';
import type { AgentRecord } from '../domain/agent-record.ts';
import { isTaskId } from '../domain/submission.ts';
import { readHeld } from '../store/held-claims.ts';
import { durationOf, milliseconds } from './duration.ts';
import type { RpcParts } from './parts.ts';

const SLOTS_MAX = 10_000;
const AGENTS_MAX = 100;
const RETRY_MAX_MS = 24 * 3_600_000;
const LEASE_MAX_MS = 3_600_000;

/** @throws AppError REQUEST_INVALID, STORE_UNAVAILABLE */
export async function welcome(
  parts: RpcParts,
  hello: Hello,
  stream: Pick<WorkSession, 'send' | 'end'>,
): Promise<WorkSession> {
  checkHello(hello);
  const { pace } = parts;
  for (const offer of hello.agents) await parts.catalog.remember(agentRecord(offer, pace));
  const session: WorkSession = {
    workerId: hello.workerId,
    agents: new Map(hello.agents.map((offer) => [offer.name, offer.version])),
    slots: hello.slots,
    timeouts: new Map(hello.agents.flatMap(timeoutOf)),
    open: true,
    held: new Map(),
    joinedAt: new Date(),
    heardAt: performance.now(),
    ...stream,
  };
  const known = await readHeld(
    parts.pool,
    hello.workerId,
    hello.running.map((claim) => claim.task).filter(isTaskId),
  ).catch(storeUnavailable);
  const heldBy = new Map(known.map((held) => [heldKey(held.taskId, held.fence), held]));
  const fenced: Claim[] = [];
  for (const claim of hello.running) {
    const held = heldBy.get(heldKey(claim.task, claim.fence));
    if (held !== undefined) hold(session, held, 'begun');
    else {
      fenced.push(claim);
      if (isTaskId(claim.task)) hold(session, lost(claim), 'fenced');
    }
  }
  session.send({
    $case: 'welcome',
    value: {
      orchestratorId: parts.orchestratorId,
      heartbeat: durationOf(pace.heartbeatMs),
      lease: durationOf(pace.leaseMs),
      fenced,
    },
  });
  return session;
}

function lost({ task, fence }: Claim) {
  return { taskId: task, fence, agent: '', failures: 0 };
}

function checkHello(hello: Hello): void {
  const { workerId, agents, slots } = hello;
  const refuse = (why: string) => {
    throw new AppError('REQUEST_INVALID', why);
  };
  if (workerId === '' || storableText(workerId).length > LIMITS.nameLength) refuse('workerId has 1 to 128 characters');
  if (slots < 1 || slots > SLOTS_MAX) refuse(`slots is 1 to ${SLOTS_MAX}`);
  if (agents.length === 0 || agents.length > AGENTS_MAX) refuse(`a worker has 1 to ${AGENTS_MAX} agents`);
  if (hello.running.length > SLOTS_MAX) refuse(`running names at most ${SLOTS_MAX} claims`);
  for (const { version, inputSchemaJson } of agents) {
    if (version === '' || storableText(version).length > LIMITS.nameLength) refuse('an agent needs a version');
    if (storableText(inputSchemaJson).length > LIMITS.inputBytes) refuse('an input schema is over 256 KiB');
  }
}

function timeoutOf({ name, timeout }: AgentOffer): [string, number][] {
  const timeoutMs = milliseconds(timeout);
  return timeoutMs === undefined ? [] : [[name, clamp(timeoutMs, LIMITS.timeoutMinMs, LIMITS.timeoutMaxMs)]];
}

function agentRecord(offer: AgentOffer, pace: Pace): Omit<AgentRecord, 'lastSeenAt'> {
  const { name, version, inputSchemaJson, retry, lease } = offer;
  return {
    name,
    version,
    inputSchema: inputSchemaJson,
    maxAttempts: clamp(retry?.maxAttempts || DEFAULTS.maxAttempts, 1, LIMITS.maxAttempts),
    maxCrashes: clamp(retry?.maxCrashes || DEFAULTS.maxCrashes, 1, LIMITS.maxAttempts),
    retryBaseMs: clamp(milliseconds(retry?.base) ?? DEFAULTS.retryBaseMs, 0, RETRY_MAX_MS),
    retryCapMs: clamp(milliseconds(retry?.cap) ?? DEFAULTS.retryCapMs, 0, RETRY_MAX_MS),
    leaseMs: clamp(milliseconds(lease) ?? pace.leaseMs, pace.leaseMinMs, LEASE_MAX_MS),
  };
}

function clamp(asked: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, asked));
}
