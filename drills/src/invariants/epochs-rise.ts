import { judge, type Invariant } from './evidence.ts';

export const epochsRise: Invariant = {
  number: 23,
  name: 'epochs-rise',
  promise: 'epochs only rise, and their terms never fall',
  always: false,
  check({ events }) {
    let [epoch, term] = [0, 0];
    const started = events.filter(({ type }) => type === 'EpochStarted');
    return judge(started, ({ data }) => {
      const [nextEpoch, nextTerm] = [Number(data['epoch']), Number(data['term'])];
      const isWrong = !(nextEpoch > epoch && nextTerm >= term);
      const before = `${epoch} (term ${term})`;
      [epoch, term] = [nextEpoch, nextTerm];
      return isWrong ? `epoch ${nextEpoch} (term ${nextTerm}) after ${before}` : null;
    });
  },
};
