/** How fast the dispatcher looks after its workers, and how long it waits for them, ms. Tests that wait for an end have shorter ones. */
import { DEFAULTS } from '@morningai/core/limits';

export type Pace = {
  readonly heartbeatMs: number;
  /** Of an agent that asks for none of its own. */
  readonly leaseMs: number;
  /** The shortest that an agent may ask for: two heartbeats at least, or a healthy worker would lose it. */
  readonly leaseMinMs: number;
  /** Between two looks for attempts that are over. */
  readonly lookMs: number;
  /** How much longer than its time-out an attempt may take before its worker is not waited for. */
  readonly timeoutGraceMs: number;
};

export const PACE: Pace = {
  heartbeatMs: DEFAULTS.heartbeatMs,
  leaseMs: DEFAULTS.leaseMs,
  leaseMinMs: 2 * DEFAULTS.heartbeatMs + 1_000,
  lookMs: 1_000,
  timeoutGraceMs: 5_000,
};
