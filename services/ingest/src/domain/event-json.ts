/** An event of a task as JSON. */
import type { Event } from '@morningai/rpc/tasks';
import { z } from 'zod';
import { isoOrNull, jsonOrNull } from './task-json.ts';

export const eventJsonSchema = z.strictObject({
  /** Its place in the whole log. */
  position: z.int(),
  /** Its place in the task's own history: 1, 2, 3 … */
  version: z.int(),
  type: z.string(),
  data: z.unknown(),
  recordedAt: z.iso.datetime().nullable(),
});

export type EventJson = z.output<typeof eventJsonSchema>;

export function eventJson(event: Event): EventJson {
  return {
    position: Number(event.position),
    version: event.version,
    type: event.type,
    data: jsonOrNull(event.dataJson),
    recordedAt: isoOrNull(event.recordedAt),
  };
}

const OUTCOMES: ReadonlySet<string> = new Set(['TaskCompleted', 'TaskFailed', 'TaskCancelled']);

/** True if nothing follows in this life of the task. */
export function isOutcome(event: Pick<EventJson, 'type'>): boolean {
  return OUTCOMES.has(event.type);
}

const FINISHED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

export function isFinished(task: { readonly status: string }): boolean {
  return FINISHED.has(task.status);
}
