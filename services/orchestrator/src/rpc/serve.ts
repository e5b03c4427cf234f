import type { Server } from '@grpc/grpc-js';
import { serverStream, unary } from '@morningai/rpc/server';
import { SystemServiceService, type SystemServiceServer } from '@morningai/rpc/system';
import { TaskServiceService, type TaskServiceServer } from '@morningai/rpc/tasks';
import { WorkerServiceService, type WorkerServiceServer } from '@morningai/rpc/worker';
import { cancelTask } from './cancel-task.ts';
import { cancelTasks } from './cancel-tasks.ts';
import { getQueue } from './get-queue.ts';
import { listAgents } from './list-agents.ts';
import { listWorkers } from './list-workers.ts';
import { moveQueue } from './move-queue.ts';
import type { RpcParts } from './parts.ts';
import { readSteps } from './read-steps.ts';
import { getTask, listTaskEvents, listTasks } from './read-tasks.ts';
import { retryFailed } from './retry-failed.ts';
import { retryTask } from './retry-task.ts';
import { replay } from './replay.ts';
import { submitTasks } from './submit-tasks.ts';
import { getStatus, readEvents } from './system.ts';
import { whyTask } from './why-task.ts';
import { work } from './work.ts';

export function serve(server: Server, parts: RpcParts): void {
  const { authenticate, onBug } = parts;
  const tasks: TaskServiceServer = {
    submitTasks: unary(authenticate, onBug, (request, context) => submitTasks(parts, request, context)),
    getTask: unary(authenticate, onBug, (request) => getTask(parts, request)),
    listTasks: unary(authenticate, onBug, (request) => listTasks(parts, request)),
    listTaskEvents: unary(authenticate, onBug, (request) => listTaskEvents(parts, request)),
    cancelTask: unary(authenticate, onBug, (request, context) => cancelTask(parts, request, context)),
    retryTask: unary(authenticate, onBug, (request, context) => retryTask(parts, request, context)),
    cancelTasks: unary(authenticate, onBug, (request, context) => cancelTasks(parts, request, context)),
    retryFailed: unary(authenticate, onBug, (request, context) => retryFailed(parts, request, context)),
    whyTask: unary(authenticate, onBug, (request) => whyTask(parts, request)),
    listAgents: unary(authenticate, onBug, () => listAgents(parts)),
  };
  const worker: WorkerServiceServer = {
    work: (stream) => work(parts, stream),
    readSteps: unary(authenticate, onBug, (request) => readSteps(parts, request)),
  };
  const system: SystemServiceServer = {
    readEvents: serverStream(authenticate, onBug, (request, context) => readEvents(parts, request, context)),
    replay: serverStream(authenticate, onBug, (request, context) => replay(parts, request, context)),
    getStatus: unary(authenticate, onBug, () => getStatus(parts)),
    listWorkers: unary(authenticate, onBug, async () => listWorkers(parts)),
    getQueue: unary(authenticate, onBug, () => getQueue(parts)),
    moveQueue: serverStream(authenticate, onBug, (request, context) => moveQueue(parts, request, context)),
  };
  server.addService(TaskServiceService, tasks);
  server.addService(WorkerServiceService, worker);
  server.addService(SystemServiceService, system);
}
