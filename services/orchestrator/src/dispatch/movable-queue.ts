/**
 * A ticket queue that can be another Redis from one moment to the next: whoever has it in hand need not know. What is under way in the one
 * before fails at once, as if its connection broke.
 */
import type { openTicketQueue, TicketQueue, TicketQueueOptions } from '@morningai/queue/ticket-queue';

export type MovableQueue = TicketQueue & {
  moveTo(url: string): void;
};

export function createMovableQueue(open: typeof openTicketQueue, options: TicketQueueOptions): MovableQueue {
  const { prefix, onError } = options;

  const openAt = (url: string): TicketQueue => {
    const queue: TicketQueue = open({
      url,
      prefix,
      onChange: (connected) => {
        if (current === queue) options.onChange(connected);
      },
      onError,
    });
    return queue;
  };
  let current = openAt(options.url);
  const closing = new Set<Promise<void>>();

  return {
    get connected() {
      return current.connected;
    },
    get marker() {
      return current.marker;
    },
    offer: (...offer) => current.offer(...offer),
    consume: (consumer) => current.consume(consumer),
    dropEpochsBefore: (epoch) => current.dropEpochsBefore(epoch),
    memoryPolicy: () => current.memoryPolicy(),
    moveTo(url) {
      const before = current;
      current = openAt(url);
      const closed = before
        .close()
        .catch(onError)
        .finally(() => closing.delete(closed));
      closing.add(closed);
    },
    async close() {
      await Promise.all([current.close(), ...closing]);
    },
  };
}
