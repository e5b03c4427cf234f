/** `@morningai/sdk`: define agents, run them in a worker, submit tasks. */
export { AgentError, defineAgent, NotRetryable, RetryAfter } from './agent.ts';
export type { Agent, AgentContext, AgentLog, InputSchema, RetryPolicy, StepContext, StepOptions } from './agent.ts';
export { createWorker } from './worker.ts';
export type { Worker, WorkerOptions } from './worker.ts';
export { createClient } from './client.ts';
export type { BulkAnswer, BulkFilter, CallOptions, CancelOptions, Client } from './client.ts';
export type { Task, TaskEvent, TaskFilter, TaskRequest, TaskStatus, Why } from './client.ts';
export { ClientError } from './client-error.ts';
