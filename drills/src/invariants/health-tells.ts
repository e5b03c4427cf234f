import { both, judge, type Invariant, type Verdict } from './evidence.ts';
import type { Operation } from '../history/operations.ts';

/** "Within seconds": a probe has a time-out, and its answer may be a second old. */
const WITHIN_MS = 5_000;
const LIE_MS = 2_000;

const COMPONENTS = ['redis', 'postgres', 'nats'] as const;

export const healthTells: Invariant = {
  number: 27,
  name: 'health-tells',
  promise: `health says "down" of what is down, and "up" of what is up, from ${WITHIN_MS / 1_000} s after it changed`,
  always: false,
  check({ operations, lostMs }) {
    const faults = operations.filter(({ op }) => op === 'fault');
    const outages = operations.filter(({ op }) => op === 'outage');
    const looks = operations.filter(({ op, phase }) => op === 'health' && phase === 'ok');
    return both(...COMPONENTS.map((component) => lies(component, looks, { faults, outages, lostMs })));
  },
};

type Wrongs = {
  readonly faults: readonly Operation[];
  readonly outages: readonly Operation[];
  readonly lostMs: number;
};

/**
 * Told wrong again and again: once may be a probe that was kept waiting. A busy machine does so for longer, and what is up seems down; what is down
 * answers on no machine.
 */
function lies(component: string, looks: readonly Operation[], { faults, outages, lostMs }: Wrongs): Verdict {
  const isOwn = ({ asked }: Operation) => asked.task === component;
  const own = { faults: faults.filter(isOwn), outages: outages.filter(isOwn) };
  const judged = looks.flatMap((look) => {
    const wanted = look.key === component ? truthOf(look, own) : undefined;
    return wanted === undefined ? [] : [{ look, wanted }];
  });
  let since: number | null = null;
  let told: string | undefined;
  return judge(judged, ({ look: { invokedAt, answered }, wanted }) => {
    if (answered.status === wanted || answered.status !== told) since = null;
    told = answered.status;
    if (told !== wanted) since ??= invokedAt;
    const patienceMs = wanted === 'up' ? LIE_MS + lostMs : LIE_MS;
    if (since === null || invokedAt - since < patienceMs) return null;
    return `${component} was ${wanted} at ${Math.round(invokedAt)} ms, and health has said ${answered.status} since ${Math.round(since)} ms`;
  });
}

/** Undefined: it has changed lately, or something less than an outage is done to it. */
function truthOf(
  { invokedAt, endedAt }: Operation,
  { faults, outages }: Pick<Wrongs, 'faults' | 'outages'>,
): 'up' | 'down' | undefined {
  const isDown = outages.some((one) => one.invokedAt + WITHIN_MS <= invokedAt && endedAt <= one.endedAt);
  if (isDown) return 'down';
  const isHurt = faults.some((fault) => fault.invokedAt <= endedAt && invokedAt <= fault.endedAt + WITHIN_MS);
  return isHurt ? undefined : 'up';
}
