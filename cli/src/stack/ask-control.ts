/** What `morningai stack` says to the process that owns the stack. */
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { AppError, isErrorCode } from '@morningai/core/errors';
import { z } from 'zod';
import { COMPONENT_NAMES, type Action, type ComponentName } from './component.ts';
import type { StackFile } from './stack-file.ts';

const report = z.object({
  name: z.enum(COMPONENT_NAMES),
  state: z.enum(['running', 'frozen', 'down', 'elsewhere']),
  process: z.union([z.object({ pid: z.number() }), z.object({ containerId: z.string() })]).nullable(),
});
const refusal = z.object({ code: z.string(), message: z.string() });

export type Report = z.infer<typeof report>;

/** Longer than a backend may take to start. */
const ANSWER_MS = 90_000;

/** @throws AppError STACK_UNREACHABLE */
export async function askStatus(stack: StackFile): Promise<readonly Report[]> {
  const answer = await ask(stack, 'GET', '/');
  return z.object({ components: z.array(report) }).parse(answer).components;
}

/** @throws AppError STACK_UNREACHABLE, BACKEND_NOT_OURS, COMPONENT_DOWN, COMPONENT_FAULT_REFUSED, BACKEND_START_FAILED */
export async function order(stack: StackFile, action: Action, component: ComponentName): Promise<Report> {
  return report.parse(await ask(stack, 'POST', `/${component}/${action}`));
}

async function ask(stack: StackFile, method: 'GET' | 'POST', path: string): Promise<unknown> {
  if (stack.control === undefined)
    throw new AppError('STACK_UNREACHABLE', 'stack.json names no control socket: it is of an older release');
  const socketPath = stack.control;
  const answered = Promise.withResolvers<{ status: number; body: unknown }>();
  const asked = request({ socketPath, method, path, signal: AbortSignal.timeout(ANSWER_MS) }, (response) => {
    json(response).then(
      (body) => answered.resolve({ status: response.statusCode ?? 0, body }),
      (error: unknown) => answered.reject(error as Error),
    );
  });
  asked.on('error', (error) => answered.reject(error));
  asked.end();
  const { status, body } = await answered.promise.catch((cause: unknown) => {
    throw new AppError('STACK_UNREACHABLE', `the process that runs the stack does not answer: ${String(cause)}`, {
      cause,
    });
  });
  if (status === 200) return body;
  const { code, message } = refusal.parse(body);
  throw new AppError(isErrorCode(code) ? code : 'INTERNAL', message);
}
