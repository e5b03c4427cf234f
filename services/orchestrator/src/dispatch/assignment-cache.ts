/** Inputs of tasks that were just accepted: most are claimed within milliseconds and need not be read back. */
import { LRUCache } from 'lru-cache';
import type { Pool } from '@morningai/log/pool';
import { readAssignments, type Assignment } from '../store/assignments.ts';

const CACHE_BYTES = 64 * 1024 * 1024;
const ENTRY_BYTES = 200;

export type AssignmentCache = {
  put(assignment: Assignment): void;
  /** Undefined: the task does not exist. */
  take(taskId: string): Promise<Assignment | undefined>;
};

export function createAssignmentCache(pool: Pool): AssignmentCache {
  const cache = new LRUCache<string, Assignment>({
    maxSize: CACHE_BYTES,
    sizeCalculation: (assignment) => ENTRY_BYTES + assignment.inputJson.length * 2,
  });
  return {
    put: (assignment) => void cache.set(assignment.taskId, assignment),
    async take(taskId) {
      const cached = cache.get(taskId);
      if (cached === undefined) return (await readAssignments(pool, [taskId]))[0];
      cache.delete(taskId);
      return cached;
    },
  };
}
