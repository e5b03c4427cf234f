import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { completionsBetween } from '../read-log.ts';
import { markingKeys } from '../redis-marks.ts';

const TIMES = 60;
/** Of what was accepted meanwhile. */
const DONE_SHARE_MIN = 0.8;

export const flushallStorm: Drill = {
  name: 'flushall-storm',
  row: 'R3',
  fault: `FLUSHALL ${TIMES} times, a pause apart ("every 10 s for 10 min": --pause 10000)`,
  expected: 'of as many tasks as are accepted meanwhile four in five are done meanwhile',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    const { stack, load, pauseMs, signal, note, violated } = stage;
    let flushed = 0;
    const counting = { ...stage, mark: ({ left }: { readonly left: boolean }) => void (flushed += Number(left)) };
    const [from, before] = [Date.now(), load.accepted];
    for (let time = 0; time < TIMES; time += 1) {
      await markingKeys(counting, (transaction) => void transaction.flushall());
      await delay(pauseMs, undefined, { signal });
    }
    const [to, accepted] = [Date.now(), load.accepted - before];
    const done = await completionsBetween(stack.pool, from, to);
    stage.mark({ what: 'times that keys were lost', before: '0', after: String(flushed), left: flushed === TIMES });
    note(`${done} done and ${accepted} accepted in ${((to - from) / 1_000).toFixed(0)} s`);
    if (done < DONE_SHARE_MIN * accepted) violated(`${done} tasks were done while ${accepted} were accepted`);
  },
};
