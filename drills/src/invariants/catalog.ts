import { acceptedOnce } from './accepted-once.ts';
import { acknowledgedEnds } from './acknowledged-ends.ts';
import { askedFor } from './asked-for.ts';
import { attemptsCounted } from './attempts-counted.ts';
import { bounded } from './bounded.ts';
import { densePositions } from './dense-positions.ts';
import { earlierIsPrefix } from './earlier-is-prefix.ts';
import { epochsRise } from './epochs-rise.ts';
import type { Invariant } from './evidence.ts';
import { explicitRefusals } from './explicit-refusals.ts';
import { feedIsLog } from './feed-is-log.ts';
import { fences } from './fences.ts';
import { healthTells } from './health-tells.ts';
import { kept } from './kept.ts';
import { leaseOrder } from './lease-order.ts';
import { legalTransitions } from './legal-transitions.ts';
import { noStarvation } from './no-starvation.ts';
import { nothingEarly } from './nothing-early.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { oneKeyOneTask } from './one-key-one-task.ts';
import { oneOutcome } from './one-outcome.ts';
import { oneReceipt } from './one-receipt.ts';
import { rowsAreFolds } from './rows-are-folds.ts';
import { settled } from './settled.ts';
import { ticketsOpen } from './tickets-open.ts';

export const INVARIANTS: readonly Invariant[] = [
  acceptedOnce,
  oneKeyOneTask,
  askedFor,
  oneOutcome,
  acknowledgedEnds,
  fences,
  leaseOrder,
  legalTransitions,
  nothingEarly,
  oneAtATime,
  settled,
  attemptsCounted,
  densePositions,
  earlierIsPrefix,
  ticketsOpen,
  noStarvation,
  rowsAreFolds,
  feedIsLog,
  oneReceipt,
  kept,
  epochsRise,
  explicitRefusals,
  bounded,
  healthTells,
];

/** Of the list of invariants those that nothing can be held against yet, and what they wait for. */
export const NOT_YET: readonly { readonly number: number; readonly promise: string; readonly waitsFor: string }[] = [
  { number: 12, promise: 'each subscriber saw 1…head, in order per task', waitsFor: 'subscribers with a notebook' },
  { number: 16, promise: 'memory rows = fold(events), tenant and model right', waitsFor: 'memory' },
  { number: 20, promise: 'nothing crosses tenants', waitsFor: 'a second tenant' },
  { number: 21, promise: 'spend ≤ cap + reserved', waitsFor: 'budgets' },
  {
    number: 22,
    promise: 'all of it under clock skew',
    waitsFor: 'skewed clocks of Redis; of a worker: the drill worker-clock',
  },
  { number: 25, promise: 'a signed delivery makes at most one task, an unsigned none', waitsFor: 'webhooks' },
];
