/**
 * Tickets: BullMQ jobs that say "these tasks are due". A hint, never the truth: a ticket may vanish, come twice or come late, and the claim
 * in the log decides. While Redis is away `connected` is false and every call fails at once.
 */
import { startConsumer, type Consumer, type ConsumerOptions } from './consumer.ts';
import { dropEpochsBefore } from './drop-epochs.ts';
import { createMarker, type Marker } from './marker.ts';
import { readMemoryPolicy } from './memory-policy.ts';
import { createOffers, type Offer } from './offers.ts';
import { commandClient } from './redis-clients.ts';

export type { Consumer };

export type TicketQueueOptions = {
  readonly url: string;
  /** Keys of different logs in one Redis do not meet. */
  readonly prefix: string;
  /** Told when `connected` changes. */
  readonly onChange: (connected: boolean) => void;
  /** Told of errors that BullMQ and ioredis recover from by themselves. */
  readonly onError: (error: Error) => void;
};

export type TicketQueue = {
  readonly connected: boolean;
  readonly marker: Marker;
  /** One ticket per offer. @throws when Redis refuses or is away: some may have been stored */
  offer(epoch: number, agent: string, offers: readonly Offer[]): Promise<void>;
  /** Takes this agent's tickets of this epoch until whoever asked closes it. */
  consume(consumer: Pick<ConsumerOptions, 'epoch' | 'agent' | 'untilFree' | 'free' | 'take'>): Consumer;
  dropEpochsBefore(epoch: number): Promise<void>;
  memoryPolicy(): Promise<string>;
  close(): Promise<void>;
};

export function openTicketQueue(options: TicketQueueOptions): TicketQueue {
  const { url, prefix, onError } = options;
  const stop = new AbortController();
  const redis = commandClient(url, stop.signal);
  const offers = createOffers(redis, prefix, onError);
  let connected = false;

  const change = (now: boolean) => {
    if (connected === now) return;
    connected = now;
    options.onChange(now);
  };
  redis.on('ready', () => change(true));
  redis.on('close', () => change(false));
  redis.on('error', onError);
  redis.on('sentinelError', onError);

  return {
    get connected() {
      return connected;
    },
    marker: createMarker(redis, prefix),
    offer: offers.offer,
    consume: (wanted) =>
      startConsumer({
        ...wanted,
        url,
        prefix,
        onError,
        putBack: (agent, left) => offers.offer(wanted.epoch, agent, [{ ...left, front: true }]),
      }),
    dropEpochsBefore: (epoch) => dropEpochsBefore(redis, prefix, epoch, stop.signal),
    memoryPolicy: () => readMemoryPolicy(redis),
    async close() {
      stop.abort();
      redis.removeAllListeners('close');
      await offers.close();
      redis.disconnect();
    },
  };
}
