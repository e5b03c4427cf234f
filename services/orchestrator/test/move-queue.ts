/** `MoveQueue` and what it leads to, as a caller sees them. */
import { bearer, callStream, callUnary, openClient } from '@morningai/rpc/client';
import {
  SystemServiceClient,
  type GetQueueRequest,
  type GetQueueResponse,
  type GetStatusResponse,
  type MoveReport,
} from '@morningai/rpc/system';
import { API_KEY } from './start-orchestrator.ts';

const CALL = { metadata: bearer(API_KEY), deadlineMs: 45_000 };

export type Moved = { readonly steps: readonly string[]; readonly report: MoveReport };

/** @param onStep told as it comes. @throws AppError */
export async function moveQueue(
  address: string,
  to: string,
  { dryRun = false, onStep = () => undefined }: { dryRun?: boolean; onStep?: (step: string) => void } = {},
): Promise<Moved> {
  const client = openClient(SystemServiceClient, address);
  const steps: string[] = [];
  try {
    for await (const { step } of callStream((...args) => client.moveQueue(...args), { to, dryRun }, CALL)) {
      if (step?.$case === 'report') return { steps, report: step.value };
      if (step?.$case === 'progress') {
        steps.push(step.value.step);
        onStep(step.value.step);
      }
    }
    throw new Error('no report came');
  } finally {
    client.close();
  }
}

export async function readQueue(address: string): Promise<GetQueueResponse> {
  const client = openClient(SystemServiceClient, address);
  try {
    return await callUnary<GetQueueRequest, GetQueueResponse>((...args) => client.getQueue(...args), {}, CALL);
  } finally {
    client.close();
  }
}

export async function readStatus(address: string): Promise<GetStatusResponse> {
  const client = openClient(SystemServiceClient, address);
  try {
    return await callUnary<object, GetStatusResponse>((...args) => client.getStatus(...args), {}, CALL);
  } finally {
    client.close();
  }
}
