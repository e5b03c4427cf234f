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
    const looks = operations.filter(({ op, phase }) => op === 'health' && phase === 'ok');
    return both(...COMPONENTS.map((component) => lies(component, looks, { faults, lostMs })));
  },
};

/** Told wrong again and again: once may be a probe that a busy machine has kept waiting. */
function lies(
  component: string,
  looks: readonly Operation[],
  { faults, lostMs }: { readonly faults: readonly Operation[]; readonly lostMs: number },
): Verdict {
  const own = faults.filter(({ asked }) => asked.task === component);
  const judged = looks.flatMap((look) => {
    const wanted = look.key === component ? truthOf(look, own) : undefined;
    return wanted === undefined ? [] : [{ look, wanted }];
  });
  let since: number | null = null;
  return judge(judged, ({ look: { invokedAt, answered }, wanted }) => {
    if (answered.status === wanted) since = null;
    else since ??= invokedAt;
    if (since === null || invokedAt - since < LIE_MS + lostMs) return null;
    return `${component} was ${wanted} at ${Math.round(invokedAt)} ms, and health has said ${answered.status} since ${Math.round(since)} ms`;
  });
}

/** Undefined: it has changed lately, or something less than an outage is done to it. */
function truthOf({ invokedAt, endedAt }: Operation, faults: readonly Operation[]): 'up' | 'down' | undefined {
  const isDown = faults.some(
    (fault) => fault.asked.status === 'down' && fault.invokedAt + WITHIN_MS <= invokedAt && endedAt <= fault.endedAt,
  );
  if (isDown) return 'down';
  const isHurt = faults.some((fault) => fault.invokedAt <= endedAt && invokedAt <= fault.endedAt + WITHIN_MS);
  return isHurt ? undefined : 'up';
}
