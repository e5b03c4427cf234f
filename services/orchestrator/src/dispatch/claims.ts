/**
 * From "these tasks are due" to "this worker has it": a free slot is taken, the claim is written, the task is assigned. The claim in
 * the log is what makes work happen once; a stale, double or early hint ends here. If this process dies after the claim and before
 * the assignment, the lease runs out and the attempt is expired.
 */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { TaskWriter, Written } from '@morningai/log/task-writer';
import { reason, type Logger } from '@morningai/service/logger';
import type { AgentCatalog } from '../agent-catalog.ts';
import { DEFAULTS } from '@morningai/core/limits';
import type { Roster } from '../domain/roster.ts';
import type { AssignmentCache } from './assignment-cache.ts';
import { releaseClaim } from './release.ts';
import { assign, claimOf, type WorkSession } from './work-session.ts';

const CLAIM_DEADLINE_MS = 10_000;
/** What a claim weighs in the mailbox. */
const CLAIM_BYTES = 300;

export type Claims = {
  /** Resolves when each of the tasks was claimed, or turned out to be nobody's to claim; waits for free slots. */
  take(agent: string, taskIds: readonly string[]): Promise<void>;
  /** Tasks for which a slot is waited for or a claim is being written. */
  isTaking(taskId: string): boolean;
};

export type ClaimsParts = {
  readonly writer: TaskWriter;
  readonly roster: Roster<WorkSession>;
  readonly catalog: AgentCatalog;
  readonly assignments: AssignmentCache;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export function createClaims(parts: ClaimsParts): Claims {
  const { writer, roster, catalog, assignments, logger, signal } = parts;
  const taking = new Set<string>();

  const slot = (agent: string) =>
    new Promise<WorkSession | null>((resolve) => {
      if (signal.aborted) return resolve(null);
      const onAbort = () => {
        withdraw();
        resolve(null);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const withdraw = roster.request(agent, (session) => {
        signal.removeEventListener('abort', onAbort);
        resolve(session);
      });
    });

  /** @returns false: the slot is free again */
  const claim = async (session: WorkSession, agent: string, taskId: string) => {
    const claimId = randomUUID();
    const agentVersion = session.agents.get(agent) ?? '';
    const leaseMs = catalog.known(agent)?.leaseMs ?? DEFAULTS.leaseMs;
    const written = await writer.write({
      taskId,
      tenant: '',
      command: { type: 'Start', claimId, worker: session.workerId, agentVersion, leaseMs },
      limits: [],
      urgency: 'claim',
      bytes: CLAIM_BYTES,
      deadlineAt: performance.now() + CLAIM_DEADLINE_MS,
    });
    if (!isMine(written, claimId)) return false;
    const { fence, steps, failures } = written.state;
    const assignment = await assignments.take(taskId).catch((error: unknown) => {
      logger.warn({ traceId: taskId, why: reason(error) }, 'input not read');
      return undefined;
    });
    if (!session.open || assignment === undefined) {
      await releaseClaim(writer, logger, taskId, fence);
      return false;
    }
    const { tenant, inputJson, labels } = assignment;
    const assigned = { agent, agentVersion, inputJson, tenant, labels, stepCount: steps, deadline: undefined };
    // An earlier attempt of the same task that this worker lost: its outcome would no longer be known as one, so its slot is free now.
    if (session.held.has(taskId)) roster.giveBack(session);
    assign(session, { ...assigned, claim: claimOf(taskId, fence) }, failures);
    return true;
  };

  const takeOne = async (agent: string, taskId: string) => {
    if (taking.has(taskId)) return;
    taking.add(taskId);
    try {
      const session = await slot(agent);
      if (session === null) return;
      const claimed = await claim(session, agent, taskId).catch((error: unknown) => {
        // Whether it was recorded is unknown: if so, its lease ends it.
        logger.warn({ traceId: taskId, why: reason(error) }, 'claim not written');
        return false;
      });
      if (!claimed) roster.giveBack(session);
    } finally {
      taking.delete(taskId);
    }
  };

  return {
    async take(agent, taskIds) {
      await Promise.all(taskIds.map((taskId) => takeOne(agent, taskId)));
    },
    isTaking: (taskId) => taking.has(taskId),
  };
}

type Running = Written & { readonly state: { readonly status: 'running' } };

function isMine(written: Written, claimId: string): written is Running {
  return written.heldBack === null && written.state.status === 'running' && written.state.claimId === claimId;
}
