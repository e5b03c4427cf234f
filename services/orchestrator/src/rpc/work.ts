/**
 * One worker's stream. It says Hello, is assigned tasks for its free slots, and each of its results is answered Recorded or Fenced: until
 * then it keeps the result. If the stream breaks, its claims live on until their leases end, or until it says Hello again.
 */
import { performance } from 'node:perf_hooks';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { AppError, asAppError } from '@morningai/core/errors';
import { toStatus } from '@morningai/rpc/errors';
import type { Hello, OrchestratorFrame, WorkerFrame, WorkerMessage } from '@morningai/rpc/worker';
import { reason } from '@morningai/service/logger';
import { witnessBegun } from '../dispatch/evidence.ts';
import { releaseUnbegun } from '../dispatch/release.ts';
import { renewHeld } from '../dispatch/renew-held.ts';
import type { WorkSession } from '../dispatch/work-session.ts';
import { createInflow } from './inflow.ts';
import { createOutbox } from './outbox.ts';
import type { RpcParts } from './parts.ts';
import { recordResult } from './record-result.ts';
import { welcome } from './welcome.ts';

const HELLO_WITHIN_MS = 10_000;

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
    // Not `destroy`: grpc-js would tell the worker nothing.
    stream.emit('error', toStatus(coded));
  };
  const leave = () => {
    clearTimeout(silent);
    if (session === null) return;
    roster.leave(session);
    witnessBegun(parts, session);
    logger.info({ workerId: session.workerId, held: session.held.size }, 'worker left');
    session.open = false;
    session = null;
  };
  const send = createOutbox(stream, {
    onBehind: (behind) => session !== null && roster[behind ? 'rest' : 'wake'](session, 'behind'),
    onFull: () => end(new AppError('OVERLOADED', 'the worker does not read what it is answered')),
  });
  const inflow = createInflow(stream);
  const silent = setTimeout(() => end(new AppError('REQUEST_INVALID', 'no Hello came')), HELLO_WITHIN_MS);

  const greet = async (hello: Hello) => {
    clearTimeout(silent);
    const joined = await welcome(parts, hello, { send, end });
    if (stream.destroyed || stream.cancelled) return;
    session = joined;
    // A worker that comes back has left, whatever its old stream believes.
    for (const old of roster.members.filter((member) => member.workerId === joined.workerId)) {
      releaseUnbegun(parts.writer, logger, old, hello.running);
      old.end(new AppError('WORKER_REPLACED', `another stream said Hello as ${joined.workerId}`));
    }
    roster.join(joined, joined.held.size);
    // Its leases may be old by now, and its next heartbeat is a while away.
    renewHeld(
      parts,
      joined,
      [...joined.held.values()].filter(({ stage }) => stage === 'begun'),
    );
    dispatcher.wake();
    logger.info({ workerId: joined.workerId, agents: [...joined.agents.keys()], slots: joined.slots }, 'worker joined');
  };

  const hear = ({ message }: WorkerMessage) => {
    if (message === undefined) return;
    if (session !== null) session.heardAt = performance.now();
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
    const recording = recordResult(parts, session, message);
    inflow(message, recording);
    recording.catch(end);
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
    // It has said all that it will say: what it has not begun it never will.
    if (session !== null) releaseUnbegun(parts.writer, logger, session);
    leave();
    stream.end();
  });
}
