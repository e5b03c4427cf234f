import { AppError } from '@morningai/core/errors';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * A task id as it stands in a path. What cannot be an id names no task.
 * @throws AppError TASK_NOT_FOUND
 */
export function parseTaskId(text: string): string {
  const id = text.toLowerCase();
  if (!UUID.test(id)) throw new AppError('TASK_NOT_FOUND', 'there is no such task: its id is not a UUID');
  return id;
}
