import { LIMITS } from '@morningai/core/limits';
import { AppError } from '@morningai/core/errors';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { ReadStepsRequest, ReadStepsResponse, RecordedStep } from '@morningai/rpc/worker';
import { isTaskId } from '../domain/submission.ts';
import { readSteps as readRows, type StepRow } from '../store/steps.ts';
import type { Parts } from './parts.ts';

const PAGE_BYTES = 3 * 1024 * 1024;

export async function readSteps(parts: Parts, request: ReadStepsRequest): Promise<ReadStepsResponse> {
  const task = request.claim?.task ?? '';
  if (!isTaskId(task)) throw new AppError('TASK_NOT_FOUND', `there is no task ${task}`);
  const limit = Math.min(LIMITS.pageMax, request.limit === 0 ? LIMITS.pageDefault : request.limit);
  const rows = await readRows(parts.pool, task, request.fromIndex, limit).catch(storeUnavailable);
  let bytes = 0;
  const page = rows.filter(
    (row, index) => (bytes += Buffer.byteLength(row.outputJson ?? '')) <= PAGE_BYTES || index === 0,
  );
  const more = rows.length === limit || page.length < rows.length;
  return { steps: page.map(stepMessage), nextIndex: more ? (page.at(-1)?.index ?? -1) + 1 : 0 };
}

function stepMessage(row: StepRow): RecordedStep {
  const { index, step, outputJson, effectKey } = row;
  return {
    index,
    step,
    effectKey: effectKey ?? '',
    outcome: outputJson === null ? { $case: 'intentOnly', value: true } : { $case: 'outputJson', value: outputJson },
  };
}
