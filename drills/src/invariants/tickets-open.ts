import { judge, type Invariant } from './evidence.ts';
import { taskStories } from './task-stories.ts';

export const ticketsOpen: Invariant = {
  number: 13,
  name: 'tickets-open',
  promise: 'once all has settled, tickets name open tasks only, and tasks that the log knows',
  always: false,
  check({ tickets, events, open }) {
    const known = new Set(taskStories(events).map(({ id }) => id));
    return judge(tickets ?? [], (id) => {
      if (!known.has(id)) return `a ticket names task ${id}: the log does not know it`;
      return open.has(id) ? null : `a ticket names task ${id}, which is finished`;
    });
  },
};
