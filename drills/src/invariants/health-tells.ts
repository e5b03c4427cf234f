import { judge, type Invariant } from './evidence.ts';
import type { Operation } from '../history/operations.ts';

/** "Within seconds": a probe has a time-out, and its answer may be a second old. */
const WITHIN_MS = 5_000;

export const healthTells: Invariant = {
  number: 27,
  name: 'health-tells',
  promise: `health says "down" of what is down, and "up" of what is up, from ${WITHIN_MS / 1_000} s after it changed`,
  always: false,
  check({ operations }) {
    const outages = operations.filter(({ op, asked }) => op === 'fault' && asked.status === 'down');
    const looks = operations.filter(({ op, phase }) => op === 'health' && phase === 'ok');
    const judged = looks.flatMap((look) => {
      const wanted = truthOf(
        look,
        outages.filter(({ asked }) => asked.task === look.key),
      );
      return wanted === undefined ? [] : [{ look, wanted }];
    });
    return judge(judged, ({ look: { key, invokedAt, answered }, wanted }) =>
      answered.status === wanted
        ? null
        : `${key} was ${wanted} at ${Math.round(invokedAt)} ms, and health said ${answered.status}`,
    );
  },
};

/** Undefined: it has changed lately, or something less than an outage is done to it. */
function truthOf({ invokedAt, endedAt }: Operation, outages: readonly Operation[]): 'up' | 'down' | undefined {
  const isDown = outages.some((outage) => outage.invokedAt + WITHIN_MS <= invokedAt && endedAt <= outage.endedAt);
  if (isDown) return 'down';
  const isUnsettled = outages.some((outage) => outage.invokedAt <= endedAt && invokedAt <= outage.endedAt + WITHIN_MS);
  return isUnsettled ? undefined : 'up';
}
