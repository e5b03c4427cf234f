/**
 * From "these tasks are due" to "this worker has it": a free slot is taken, the claim is written, the task is assigned. The claim in
 * the log is what makes work happen once; a stale, double or early hint ends here. If this process dies after the claim and before
 * the assignment, the lease runs out and the attempt is released.
 */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { asAppError } from '@morningai/core/errors';
import type { Lane } from '@morningai/core/task';
import type { RunningLimits } from '@morningai/core/task-projection';
import type { ThenStart } from '@morningai/log/task-batch';
import type { TaskWriter, Written } from '@morningai/log/task-writer';
import { reason, type Logger } from '@morningai/service/logger';
import type { AgentCatalog } from '../agent-catalog.ts';
import { DEFAULTS } from '@morningai/core/limits';
import type { Limited } from '../domain/held-back.ts';
import type { Roster } from '../domain/roster.ts';
import type { Assignment } from '../store/assignments.ts';
import type { AssignmentCache } from './assignment-cache.ts';
import { releaseClaim } from './release.ts';
import { timeLimit } from './time-limit.ts';
import { assign, claimOf, type WorkSession } from './work-session.ts';

const CLAIM_DEADLINE_MS = 10_000;
/** What a claim weighs in the mailbox. */
const CLAIM_BYTES = 300;

/** After a claim that could not be written its slot rests: the log has no room, or is away; asking it again at once would not mend that. */
const UNWRITTEN_REST_MS = 250;

/** How long a task stands in line for a slot here before it is left to others. */
const HOLD_MS = 500;

export type Claims = {
  /**
   * Gives each of the tasks a slot and has it claimed; what finds none within `holdMs` is left to others.
   * @returns those that found none; the claims of the others are being written
   */
  take(agent: string, taskIds: readonly string[], lane: Lane, holdMs?: number): Promise<readonly string[]>;
  /**
   * A claim that goes along with the submission of a task, if a slot is free now. Its slot is taken until `settle`, which is told what
   * became of the submission (null: it failed; whether it was recorded may be unknown, then the lease ends the attempt).
   */
  along(agent: string): ClaimAlong | null;
  /** A slot is waited for, or a claim is being written. */
  isTaking(taskId: string): boolean;
  /** How many of this agent's tasks are being taken. */
  taking(agent: string): number;
};

export type ClaimAlong = {
  readonly thenStart: ThenStart;
  settle(written: Written | null, assignment: Assignment): void;
};

export type ClaimsParts = {
  readonly writer: Pick<TaskWriter, 'write'>;
  readonly roster: Roster<WorkSession>;
  readonly catalog: Pick<AgentCatalog, 'known'>;
  readonly assignments: AssignmentCache;
  readonly runningLimits: RunningLimits;
  /** Told of each claim that was not written: the task stays queued. `limited`: a limit refused it. */
  readonly onUnclaimed: (taskId: string, limited: Limited | null) => void;
  /** Told of each task that had no use for a claim: it runs, has ended, or is not due. */
  readonly onUnwanted: (written: Written) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export function createClaims(parts: ClaimsParts): Claims {
  const { writer, roster, catalog, assignments, runningLimits, logger, signal } = parts;
  const taking = new Map<string, string>();
  const takingOf = new Map<string, number>();

  const begin = (agent: string, taskId: string) => {
    taking.set(taskId, agent);
    takingOf.set(agent, (takingOf.get(agent) ?? 0) + 1);
  };

  const end = (taskId: string) => {
    const agent = taking.get(taskId);
    if (agent === undefined) return;
    taking.delete(taskId);
    takingOf.set(agent, (takingOf.get(agent) ?? 1) - 1);
  };

  const startFor = (session: WorkSession, agent: string, lane: Lane): ThenStart['command'] => {
    const agentVersion = session.agents.get(agent) ?? '';
    const leaseMs = catalog.known(agent)?.leaseMs ?? DEFAULTS.leaseMs;
    const timeoutMs = session.timeouts.get(agent);
    const limit = timeoutMs === undefined ? {} : { timeoutMs };
    return { type: 'Start', claimId: randomUUID(), worker: session.workerId, agentVersion, lane, leaseMs, ...limit };
  };

  const claim = async (session: WorkSession, agent: string, taskId: string, lane: Lane): Promise<Claimed> => {
    const command = startFor(session, agent, lane);
    const written = await writer.write({
      taskId,
      tenant: '',
      command,
      limits: [],
      runningLimits,
      urgency: 'claim',
      bytes: CLAIM_BYTES,
      deadlineAt: performance.now() + CLAIM_DEADLINE_MS,
    });
    if (!isMine(written, command.claimId)) return { isGiven: false, unwanted: written };
    const assignment = await assignments.take(taskId).catch((error: unknown) => {
      logger.warn({ traceId: taskId, why: reason(error) }, 'input not read');
      return undefined;
    });
    return { isGiven: await give(session, agent, written, assignment) };
  };

  /** @returns false: the slot is free again */
  const give = async (session: WorkSession, agent: string, written: Running, assignment: Assignment | undefined) => {
    const { taskId } = written;
    const { fence, steps, failures } = written.state;
    if (!session.open || assignment === undefined) {
      await releaseClaim(writer, logger, taskId, fence);
      return false;
    }
    const { tenant, inputJson, labels } = assignment;
    const agentVersion = session.agents.get(agent) ?? '';
    const assigned = { agent, agentVersion, inputJson, tenant, labels, stepCount: steps };
    const limit = timeLimit(session.timeouts.get(agent), written.recordedAt);
    assign(session, { ...assigned, ...limit, claim: claimOf(taskId, fence) }, failures);
    return true;
  };

  const work = async (session: WorkSession, agent: string, taskId: string, lane: Lane) => {
    let failure: unknown;
    const { isGiven, unwanted } = await claim(session, agent, taskId, lane).catch((error: unknown): Claimed => {
      failure = error;
      return { isGiven: false };
    });
    end(taskId);
    if (failure !== undefined) {
      const limited = limitedBy(failure, agent, taskId);
      // Whether it was recorded is unknown: if so, its lease ends it.
      if (limited === null) logger.warn({ traceId: taskId, why: reason(failure) }, 'claim not written');
      parts.onUnclaimed(taskId, limited);
      if (limited === null && asAppError(failure).retryable) {
        setTimeout(() => roster.giveBack(session), UNWRITTEN_REST_MS).unref();
        return;
      }
    }
    if (!isGiven) roster.giveBack(session);
    if (unwanted !== undefined) parts.onUnwanted(unwanted);
  };

  return {
    take(agent, taskIds, lane, holdMs = HOLD_MS) {
      const { promise, resolve } = Promise.withResolvers<readonly string[]>();
      const inLine = new Map<string, () => void>();
      let asked = false;
      const stopWaiting = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stopWaiting);
        for (const [taskId, withdraw] of inLine) {
          withdraw();
          end(taskId);
        }
        resolve([...inLine.keys()]);
      };
      const timer = setTimeout(stopWaiting, holdMs);
      signal.addEventListener('abort', stopWaiting, { once: true });
      for (const taskId of taskIds) {
        if (taking.has(taskId)) continue;
        begin(agent, taskId);
        let granted = false;
        const withdraw = roster.request(agent, (session) => {
          granted = true;
          inLine.delete(taskId);
          void work(session, agent, taskId, lane);
          if (asked && inLine.size === 0) stopWaiting();
        });
        if (!granted) inLine.set(taskId, withdraw);
      }
      asked = true;
      if (inLine.size === 0 || signal.aborted) stopWaiting();
      return promise;
    },
    along(agent) {
      let session: WorkSession | null = null;
      const withdraw = roster.request(agent, (granted) => (session = granted));
      withdraw();
      if (session === null) return null;
      const granted: WorkSession = session;
      const command = startFor(granted, agent, 'direct');
      const settle = async (written: Written | null, assignment: Assignment) => {
        const isOurs = written !== null && isMine(written, command.claimId);
        if (!isOurs || !(await give(granted, agent, written, assignment))) roster.giveBack(granted);
      };
      return {
        thenStart: { command, runningLimits },
        settle: (written, assignment) => void settle(written, assignment),
      };
    },
    isTaking: (taskId) => taking.has(taskId),
    taking: (agent) => takingOf.get(agent) ?? 0,
  };
}

function limitedBy(thrown: unknown, agent: string, taskId: string): Limited | null {
  const error = asAppError(thrown);
  if (error.code !== 'LIMIT_REACHED') return null;
  return { taskId, agent, ...(error.details as Pick<Limited, 'tenant' | 'concurrencyKey'>) };
}

/** Not given: the slot is free again. */
type Claimed = { readonly isGiven: boolean; readonly unwanted?: Written };

type Running = Written & { readonly state: { readonly status: 'running' } };

function isMine(written: Written, claimId: string): written is Running {
  return written.heldBack === null && written.state.status === 'running' && written.state.claimId === claimId;
}
