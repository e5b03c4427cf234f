import { both, judge, type Invariant } from './evidence.ts';

export const feedIsLog: Invariant = {
  number: 17,
  name: 'feed-is-log',
  promise: 'JetStream holds nothing that the log does not have, and once all has settled everything, in its order',
  always: false,
  check({ feed, events }) {
    if (feed === null) return { checked: 0, violations: [] };
    const log = new Map(events.map((event) => [event.position, event]));
    const positions = new Set(feed.map(({ position }) => position));
    let newest = 0;
    return both(
      judge(feed, ({ position, stream, type }) => {
        const event = log.get(position);
        const isNext = position >= newest;
        newest = Math.max(newest, position);
        if (event === undefined) return `the feed has position ${position}, the log has not`;
        if (event.stream !== stream || event.type !== type)
          return `position ${position} is ${type} of ${stream} in the feed`;
        return isNext ? null : `the feed has position ${position} after ${newest}`;
      }),
      judge(events, ({ position }) => (positions.has(position) ? null : `the feed does not have position ${position}`)),
    );
  },
};
