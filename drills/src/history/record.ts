/** One line of a history: what a client, a worker or a nemesis saw, when it saw it. */

/**
 * `submit`: a task. `submit-other`: another body under a used key, which must be refused. `read`: the task as it is. `step`: an effect and its
 * record, as a worker saw it. `health`: what the health service says of a component. `fault`: from the first harm until it is healed.
 * `outage`: within a fault, from when nothing can be had of its target until the healing begins.
 */
export type OperationName =
  'submit' | 'submit-other' | 'cancel' | 'retry' | 'read' | 'step' | 'health' | 'fault' | 'outage';

/** `info`: unknown; no answer, or one that leaves it open. It may have happened. */
export type Phase = 'invoke' | 'ok' | 'fail' | 'info';

/** What was asked for, or answered. */
export type Value = {
  readonly agent?: string;
  readonly task?: string;
  /** The answer said that it was there before. */
  readonly repeat?: boolean;
  readonly status?: string;
  readonly life?: number;
  readonly output?: unknown;
  /** Of a refusal. */
  readonly code?: string;
  readonly http?: number;
  readonly hasRetryAfter?: boolean;
  readonly fence?: number;
  readonly worker?: string;
  readonly nemesis?: string;
};

export type HistoryRecord = {
  readonly run: string;
  readonly seed: number;
  /** ms since the schedule began. */
  readonly t: number;
  /** Who: it does one thing at a time, so an answer belongs to its last `invoke`. */
  readonly proc: string;
  readonly op: OperationName;
  /** Of the task; the component for `health`, the fault for `fault` and `outage`. */
  readonly key: string;
  readonly phase: Phase;
  readonly value: Value;
};
