/** The orchestrator, as ingest calls it: every call has a time limit, is tried again while that lasts, and throws AppErrors. */
import { AppError, asAppError } from '@morningai/core/errors';
import { bearer, callStream, callUnary, openClient, type CallOptions } from '@morningai/rpc/client';
import {
  SystemServiceClient,
  type GetQueueResponse,
  type ListWorkersResponse,
  type MoveQueueRequest,
  type MoveQueueResponse,
  type MoveReport,
} from '@morningai/rpc/system';
import {
  TaskServiceClient,
  type Accepted,
  type BulkResult,
  type CancelTaskRequest,
  type CancelTasksRequest,
  type ListAgentsResponse,
  type ListTaskEventsRequest,
  type ListTaskEventsResponse,
  type ListTasksRequest,
  type ListTasksResponse,
  type RetryFailedRequest,
  type RetryTaskRequest,
  type Task,
  type TaskSpec,
  type WhyTaskResponse,
} from '@morningai/rpc/tasks';
import { createSubmitBatcher } from './submit-batcher.ts';
import { withinBudget } from './within-budget.ts';

export type Orchestrator = {
  /** @throws AppError; a 503 or 504 says whether the outcome is known */
  submit(tenant: string, spec: TaskSpec, signal: AbortSignal): Promise<Accepted>;
  getTask(tenant: string, id: string, signal: AbortSignal): Promise<Task>;
  listTasks(request: ListTasksRequest, signal: AbortSignal): Promise<ListTasksResponse>;
  listTaskEvents(request: ListTaskEventsRequest, signal: AbortSignal): Promise<ListTaskEventsResponse>;
  whyTask(tenant: string, id: string, signal: AbortSignal): Promise<WhyTaskResponse>;
  listAgents(signal: AbortSignal): Promise<ListAgentsResponse>;
  cancelTask(request: CancelTaskRequest, signal: AbortSignal): Promise<Task>;
  retryTask(request: RetryTaskRequest, signal: AbortSignal): Promise<Task>;
  /** Both are asked for once: asked again after a lost reply, they would match less, or nothing. */
  cancelTasks(request: CancelTasksRequest, signal: AbortSignal): Promise<BulkResult>;
  retryFailed(request: RetryFailedRequest, signal: AbortSignal): Promise<BulkResult>;
  listWorkers(signal: AbortSignal): Promise<ListWorkersResponse>;
  getQueue(signal: AbortSignal): Promise<GetQueueResponse>;
  /** Asked for once, for it may have been done when its answer is lost. */
  moveQueue(request: MoveQueueRequest, signal: AbortSignal): Promise<MoveReport>;
  /** Asks once: does it answer, and does its Postgres? @throws AppError */
  ping(signal: AbortSignal): Promise<void>;
  close(): void;
};

const PING_MS = 1_000;
/** One call for many tasks: what is not done by then is said to be left. */
const BULK_MS = 10_000;
/** What each part of a move may take, and some. */
const MOVE_MS = 45_000;

export function openOrchestrator(options: {
  readonly address: string;
  readonly apiKey: string;
  readonly submitMs: number;
  readonly readMs: number;
}): Orchestrator {
  const metadata = bearer(options.apiKey);
  const tasks = openClient(TaskServiceClient, options.address);
  const system = openClient(SystemServiceClient, options.address);
  const batcher = createSubmitBatcher(async (request, deadlineMs) => {
    try {
      return await callUnary((...args) => tasks.submitTasks(...args), request, { metadata, deadlineMs });
    } catch (error) {
      return refuseAsOurs(error);
    }
  });
  const read = <T>(signal: AbortSignal, call: (limits: CallOptions) => Promise<T>) =>
    withinBudget(options.readMs, signal, ({ remainingMs, signal }) =>
      call({ metadata, deadlineMs: remainingMs, signal }).catch(refuseAsOurs),
    );
  const write = <T>(signal: AbortSignal, call: (limits: CallOptions) => Promise<T>) =>
    withinBudget(options.submitMs, signal, ({ remainingMs, signal }) =>
      call({ metadata, deadlineMs: remainingMs, signal }).catch(refuseAsOurs),
    );
  const once = (signal: AbortSignal): CallOptions => ({ metadata, deadlineMs: BULK_MS, signal });

  const orchestrator: Orchestrator = {
    submit: (tenant, spec, signal) => {
      let isUnknown = false;
      return withinBudget(options.submitMs, signal, async (attempt) => {
        try {
          return await batcher.submit({ tenant, spec, ...attempt });
        } catch (thrown) {
          isUnknown ||= asAppError(thrown).code !== 'OVERLOADED';
          throw thrown;
        }
      }).catch((thrown: unknown) => {
        throw isUnknown ? withOutcomeUnknown(asAppError(thrown)) : thrown;
      });
    },
    getTask: (tenant, id, signal) =>
      read(signal, (limits) => callUnary((...args) => tasks.getTask(...args), { tenant, id }, limits)),
    listTasks: (request, signal) =>
      smallEnough(request, (page) =>
        read(signal, (limits) => callUnary((...args) => tasks.listTasks(...args), page, limits)),
      ),
    listTaskEvents: (request, signal) =>
      smallEnough(request, (page) =>
        read(signal, (limits) => callUnary((...args) => tasks.listTaskEvents(...args), page, limits)),
      ),
    whyTask: (tenant, id, signal) =>
      read(signal, (limits) => callUnary((...args) => tasks.whyTask(...args), { tenant, id }, limits)),
    listAgents: (signal) => read(signal, (limits) => callUnary((...args) => tasks.listAgents(...args), {}, limits)),
    cancelTask: (request, signal) =>
      write(signal, (limits) => callUnary((...args) => tasks.cancelTask(...args), request, limits)),
    retryTask: async (request, signal) => {
      const { tenant, id } = request;
      // The life is named, so that a try again after a lost reply is known as a repeat.
      const task = request.life === 0 ? await orchestrator.getTask(tenant, id, signal) : undefined;
      const life = task?.status === 'failed' ? task.life : request.life;
      return write(signal, (limits) => callUnary((...args) => tasks.retryTask(...args), { tenant, id, life }, limits));
    },
    cancelTasks: (request, signal) =>
      callUnary<CancelTasksRequest, BulkResult>((...args) => tasks.cancelTasks(...args), request, once(signal)).catch(
        refuseAsOurs,
      ),
    retryFailed: (request, signal) =>
      callUnary<RetryFailedRequest, BulkResult>((...args) => tasks.retryFailed(...args), request, once(signal)).catch(
        refuseAsOurs,
      ),
    listWorkers: (signal) => read(signal, (limits) => callUnary((...args) => system.listWorkers(...args), {}, limits)),
    getQueue: (signal) => read(signal, (limits) => callUnary((...args) => system.getQueue(...args), {}, limits)),
    moveQueue: async (request, signal) => {
      const limits = { metadata, deadlineMs: MOVE_MS, signal };
      try {
        const steps = callStream<MoveQueueRequest, MoveQueueResponse>(
          (...args) => system.moveQueue(...args),
          request,
          limits,
        );
        for await (const { step } of steps) if (step?.$case === 'report') return step.value;
      } catch (error) {
        return refuseAsOurs(error);
      }
      throw new AppError('ORCHESTRATOR_UNAVAILABLE', 'the orchestrator ended the move without a report');
    },
    ping: async (signal) => {
      await callUnary((...args) => system.getStatus(...args), {}, { metadata, deadlineMs: PING_MS, signal });
    },
    close: () => {
      tasks.close();
      system.close();
    },
  };
  return orchestrator;
}

/** Large tasks: a page that does not fit into one message is asked for with fewer of them; `next` leads on from there. */
async function smallEnough<Request extends { readonly limit: number }, Page>(
  request: Request,
  read: (request: Request) => Promise<Page>,
): Promise<Page> {
  for (let limit = request.limit; ; limit = Math.ceil(limit / 4)) {
    try {
      return await read({ ...request, limit });
    } catch (error) {
      if (asAppError(error).code !== 'BODY_TOO_LARGE' || limit <= 1) throw error;
    }
  }
}

/** A key of ours that the orchestrator refuses is our fault: the caller's own was right. */
function refuseAsOurs(thrown: unknown): never {
  const error = asAppError(thrown);
  if (error.code !== 'UNAUTHENTICATED') throw error;
  throw new AppError('ORCHESTRATOR_UNAVAILABLE', "the orchestrator refuses this service's API key", { cause: error });
}

/** What a caller must know after a submit that may or may not have been recorded. */
function withOutcomeUnknown(error: AppError): AppError {
  if (error.kind !== 'unavailable' && error.kind !== 'deadline') return error;
  const message = `${error.message}; the outcome is unknown: retry with the same Idempotency-Key`;
  return new AppError(error.code, message, { cause: error });
}
