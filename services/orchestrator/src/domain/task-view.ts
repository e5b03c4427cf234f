import type { State } from '@morningai/core/task';

/** A task as a caller sees it. */
export type TaskView = {
  readonly id: string;
  readonly tenant: string;
  readonly agent: string;
  readonly version: number;
  readonly fence: number;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly state: State;
  /** A state's status, or `scheduled`: queued and not yet due. */
  readonly status: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly dueAt: Date;
  readonly expiresAt: Date | null;
  readonly inputJson: string;
  /** Null until it completed. */
  readonly outputJson: string | null;
  /** By which lane its newest attempt was claimed; null: by none yet. Lists do not say. */
  readonly lane?: string | null;
};
