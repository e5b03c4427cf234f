/**
 * One worker's stream. It says Hello, is assigned tasks for its free slots, and each of its results is answered Recorded or Fenced: until
 * then it keeps the result. If the stream breaks, its claims live on until their leases end, or until it says Hello again.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { AppError, asAppError } from '@morningai/core/errors';
import { DEFAULTS, LIMITS } from '@morningai/core/limits';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import { toStatus } from '@morningai/rpc/errors';
import type { AgentOffer, Claim, Hello, OrchestratorFrame, WorkerFrame, WorkerMessage } from '@morningai/rpc/worker';
import { reason } from '@morningai/service/logger';
import type { AgentRecord } from '../domain/agent-record.ts';
import type { WorkSession } from '../dispatch/work-session.ts';
import { isTaskId } from '../domain/submission.ts';
import { readHeld } from '../store/held-claims.ts';
import { milliseconds } from './duration.ts';
import { createOutbox } from './outbox.ts';
import type { RpcParts } from './parts.ts';
import { recordResult } from './record-result.ts';

const HELLO_WITHIN_MS = 10_000;
const SLOTS_MAX = 10_000;
const AGENTS_MAX = 100;

type Stream = ServerDuplexStream<WorkerFrame, OrchestratorFrame>;

export function work(parts: RpcParts, stream: Stream): void {
  const { logger, roster, dispatcher } = parts;
  let session: WorkSession | null = null;
  let greeting = false;

  const end = (error: unknown) => {
    leave();
    if (stream.destroyed || stream.cancelled) return;
    const coded = asAppError(error);
    if (coded.code === 'INTERNAL') parts.onBug(coded, stream.getPath());
    stream.destroy(toStatus(coded) as unknown as Error);
  };
  const leave = () => {
    clearTimeout(silent);
    if (session === null) return;
    roster.leave(session);
    logger.info({ workerId: session.workerId, held: session.held.size }, 'worker left');
    session.open = false;
    session = null;
  };
  const silent = setTimeout(() => end(new AppError('REQUEST_INVALID', 'no Hello came')), HELLO_WITHIN_MS);

  const greet = async (hello: Hello) => {
    clearTimeout(silent);
    const joined = await welcome(parts, stream, hello);
    if (stream.destroyed || stream.cancelled) return;
    session = joined;
    // A worker that comes back has left, whatever its old stream believes.
    for (const old of roster.members.filter((member) => member.workerId === joined.workerId)) {
      old.open = false;
      roster.leave(old);
    }
    roster.join(joined);
    for (const _ of joined.held) roster.occupy(joined);
    dispatcher.wake();
    logger.info({ workerId: joined.workerId, agents: [...joined.agents.keys()], slots: joined.slots }, 'worker joined');
  };

  const hear = ({ message }: WorkerMessage) => {
    if (message === undefined) return;
    if (message.$case === 'hello') {
      if (greeting) throw new AppError('REQUEST_INVALID', 'Hello comes once, and first');
      greeting = true;
      greet(message.value).catch(end);
      return;
    }
    if (session === null) {
      if (!greeting) throw new AppError('REQUEST_INVALID', 'Hello comes first');
      // The worker must wait for Welcome: what it says before it is said again after it.
      return;
    }
    recordResult(parts, session, message).catch(end);
  };

  try {
    parts.authenticate(stream.metadata);
  } catch (error) {
    end(error);
    return;
  }
  stream.on('data', (frame: WorkerFrame) => {
    try {
      frame.messages.forEach(hear);
    } catch (error) {
      end(error);
    }
  });
  stream.on('error', (error) => {
    logger.debug({ why: reason(error) }, 'work stream broke');
    leave();
  });
  stream.on('cancelled', leave);
  // Its worker finds the next orchestrator at once, and says there what was not acknowledged here.
  const onDrain = () => {
    leave();
    stream.end();
  };
  parts.draining.addEventListener('abort', onDrain, { once: true });
  stream.on('close', () => parts.draining.removeEventListener('abort', onDrain));
  stream.on('end', () => {
    leave();
    stream.end();
  });
}

async function welcome(parts: RpcParts, stream: Stream, hello: Hello): Promise<WorkSession> {
  checkHello(hello);
  for (const offer of hello.agents) await parts.catalog.remember(agentRecord(offer));
  const session: WorkSession = {
    workerId: hello.workerId,
    agents: new Map(hello.agents.map((offer) => [offer.name, offer.version])),
    slots: hello.slots,
    open: true,
    held: new Map(),
    send: createOutbox(stream),
  };
  const known = await readHeld(
    parts.pool,
    hello.workerId,
    hello.running.map((claim) => claim.task).filter(isTaskId),
  ).catch(storeUnavailable);
  const heldOf = new Map(known.map((held) => [`${held.taskId}/${held.fence}`, held]));
  const fenced: Claim[] = [];
  for (const claim of hello.running) {
    const held = heldOf.get(`${claim.task}/${claim.fence}`);
    if (held === undefined) fenced.push(claim);
    else session.held.set(claim.task, held);
  }
  session.send({
    $case: 'welcome',
    value: {
      orchestratorId: parts.orchestratorId,
      heartbeat: { seconds: BigInt(DEFAULTS.heartbeatMs / 1_000), nanos: 0 },
      lease: { seconds: BigInt(DEFAULTS.leaseMs / 1_000), nanos: 0 },
      fenced,
    },
  });
  return session;
}

function checkHello(hello: Hello): void {
  const { workerId, agents, slots } = hello;
  const bad =
    (workerId === '' || workerId.length > LIMITS.nameLength ? 'workerId has 1 to 128 characters' : null) ??
    (slots < 1 || slots > SLOTS_MAX ? `slots is 1 to ${SLOTS_MAX}` : null) ??
    (agents.length === 0 || agents.length > AGENTS_MAX ? `a worker has 1 to ${AGENTS_MAX} agents` : null) ??
    (agents.some(({ version }) => version === '' || version.length > LIMITS.nameLength)
      ? 'an agent needs a version'
      : null);
  if (bad !== null) throw new AppError('REQUEST_INVALID', bad);
}

function agentRecord(offer: AgentOffer): Omit<AgentRecord, 'lastSeenAt'> {
  const { name, version, inputSchemaJson, retry, lease } = offer;
  return {
    name,
    version,
    inputSchema: inputSchemaJson,
    maxAttempts: retry?.maxAttempts || DEFAULTS.maxAttempts,
    maxCrashes: retry?.maxCrashes || DEFAULTS.maxCrashes,
    retryBaseMs: milliseconds(retry?.base) ?? DEFAULTS.retryBaseMs,
    retryCapMs: milliseconds(retry?.cap) ?? DEFAULTS.retryCapMs,
    leaseMs: milliseconds(lease) ?? DEFAULTS.leaseMs,
  };
}
