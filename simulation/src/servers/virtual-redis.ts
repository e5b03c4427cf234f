/**
 * Redis as its clients meet it: the marker, and tickets in queues. It may be away, frozen, refuse writes, forget everything or some of it, or
 * come back as it was some time ago. What it does with the marker is what the scripts in packages/queue/src/marker.ts say.
 */
import { startConsumer } from '@morningai/queue/consumer';
import type { Beaten, Mark } from '@morningai/queue/marker';
import type { Offer } from '@morningai/queue/offers';
import { queueName } from '@morningai/queue/queue-names';
import type { openTicketQueue } from '@morningai/queue/ticket-queue';
import type { OpenTicketSource, TakenTicket } from '@morningai/queue/ticket-source';
import type { Host, VirtualTime } from '../virtual-time.ts';

/** As packages/queue/src/redis-clients.ts has them. */
const COMMAND_MS = 2_000;
const RECONNECT_MS = 100;

export type RedisMode = 'up' | 'away' | 'frozen' | 'full';

export type Ticket = { readonly tasks: readonly string[]; readonly priority: number; readonly front: boolean };

export type VirtualRedis = {
  readonly mode: RedisMode;
  readonly marker: Mark | null;
  /** By queue name. */
  readonly queues: ReadonlyMap<string, readonly Ticket[]>;
  become(mode: RedisMode): void;
  /** FLUSHALL, or a restart without its data. */
  flush(): void;
  /** Each ticket with this chance. */
  loseTickets(chance: number): void;
  /** What `restore` comes back to. */
  keepCopy(): void;
  restore(): void;
  /** Whether tickets of the newest epoch may have been lost since it began. */
  readonly lostSome: boolean;
  open: (host: Host) => typeof openTicketQueue;
};

export type RedisParts = {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly onMark: (mark: Mark, before: Mark | null) => void;
  readonly onOffer: (host: Host, epoch: number, offers: readonly Offer[]) => void;
};

type Data = { marker: Mark | null; queues: Map<string, Ticket[]> };
type Client = { readonly connect: (connected: boolean) => void };

export function createVirtualRedis({ time, random, onMark, onOffer }: RedisParts): VirtualRedis {
  let data: Data = { marker: null, queues: new Map() };
  let copy: Data = structuredClone(data);
  let mode: RedisMode = 'up';
  let lostSome = false;
  const clients = new Set<Client>();
  const waiting: (() => void)[] = [];
  /** Those who block on an empty queue. */
  const hungry = new Map<string, Set<() => void>>();

  const mark = (next: Mark) => {
    if (data.marker?.epoch !== next.epoch) lostSome = false;
    onMark(next, data.marker);
    data.marker = next;
  };

  /** One command: at one moment, or never, and then its client gives up. */
  const command = async <T>(isConnected: () => boolean, run: () => T, writes = false): Promise<T> => {
    if (!isConnected()) throw new Error("Stream isn't writeable and enableOfflineQueue options is false");
    const back = time.returning();
    if (mode === 'frozen') {
      const done = new Promise<T>((resolve) => waiting.push(() => resolve(run()))).then(async (answer) => {
        await back();
        return answer;
      });
      const silent = time.sleep(COMMAND_MS).then(() => {
        throw new Error('Command timed out');
      });
      silent.catch(() => undefined);
      return Promise.race([done, silent]);
    }
    await back();
    if (mode === 'away') throw new Error('Connection is closed.');
    if (mode === 'full' && writes) throw new Error("OOM command not allowed when used memory > 'maxmemory'.");
    const answer = run();
    if (writes) await time.hop();
    return answer;
  };

  const beat = ({ term, epoch, beat: last }: Mark): Beaten => {
    const there = data.marker;
    if (there === null) return { kind: 'forgot' };
    if (there.term > term || (there.term === term && there.epoch > epoch)) return { kind: 'superseded', mark: there };
    if (there.term < term || there.epoch < epoch || there.beat < last) return { kind: 'forgot' };
    mark({ ...there, beat: there.beat + 1 });
    return { kind: 'ok', mark: { term, epoch, beat: there.beat + 1 } };
  };

  const plant = (term: number, epoch: number): Beaten => {
    const there = data.marker;
    if (there !== null && (there.term > term || (there.term === term && there.epoch > epoch))) {
      return { kind: 'superseded', mark: there };
    }
    mark({ term, epoch, beat: 0 });
    return { kind: 'ok', mark: { term, epoch, beat: 0 } };
  };

  const queueOf = (name: string) => {
    const known = data.queues.get(name) ?? [];
    data.queues.set(name, known);
    return known;
  };

  /** The most urgent first; what was put back before its like. */
  const put = (name: string, ticket: Ticket) => {
    const queue = queueOf(name);
    const place = queue.findIndex(
      ({ priority }) => priority > ticket.priority || (ticket.front && priority === ticket.priority),
    );
    queue.splice(place < 0 ? queue.length : place, 0, ticket);
    hungry.get(name)?.forEach((feed) => feed());
  };

  const openSource =
    (isConnected: () => boolean): OpenTicketSource =>
    ({ epoch, agent, blockS }) => {
      const name = queueName(epoch, agent);
      let closed = false;
      const taken = ({ tasks, priority }: Ticket): TakenTicket => ({
        tasks,
        priority,
        finish: () => command(isConnected, () => undefined, true),
      });
      return {
        async next(block) {
          const untilMs = time.now + blockS * 1_000;
          for (;;) {
            // A blocking command has no time-out of its own: its caller has.
            const ticket = await command(isConnected, () => queueOf(name).shift(), true);
            if (ticket !== undefined) return taken(ticket);
            if (!block || closed || time.now >= untilMs) return undefined;
            const back = time.returning();
            const fed = Promise.withResolvers<void>();
            const waiters = hungry.get(name) ?? new Set();
            hungry.set(name, waiters.add(fed.resolve));
            await Promise.race([fed.promise.then(back), time.sleep(untilMs - time.now)]);
            waiters.delete(fed.resolve);
          }
        },
        close() {
          closed = true;
        },
      };
    };

  const connectAll = (connected: boolean) => {
    for (const client of clients) client.connect(connected);
  };

  return {
    get mode() {
      return mode;
    },
    get marker() {
      return data.marker;
    },
    get queues() {
      return data.queues;
    },
    get lostSome() {
      return lostSome;
    },
    become(next) {
      const before = mode;
      mode = next;
      // What was in somebody's hand then did not get back.
      if (next !== 'up') lostSome = true;
      if (before === 'frozen') for (const run of waiting.splice(0)) run();
      if (next === 'away') connectAll(false);
      else if (before === 'away') connectAll(true);
      if (next === 'away') hungry.forEach((waiters) => waiters.forEach((feed) => feed()));
    },
    flush() {
      data = { marker: null, queues: new Map() };
      lostSome = true;
    },
    loseTickets(chance) {
      for (const [name, queue] of data.queues) {
        const kept = queue.filter(() => random() >= chance);
        if (kept.length < queue.length) lostSome = true;
        data.queues.set(name, kept);
      }
    },
    keepCopy: () => void (copy = structuredClone(data)),
    restore() {
      data = structuredClone(copy);
      lostSome = true;
    },
    open: (host) => (options) => {
      let connected = false;
      const isConnected = () => connected;
      const connect = (next: boolean) =>
        time.post(host, () => {
          const apply = () => {
            if (connected === next || (next && mode === 'away')) return;
            connected = next;
            options.onChange(next);
          };
          if (next) setTimeout(apply, RECONNECT_MS);
          else apply();
        });
      clients.add({ connect });
      if (mode !== 'away') connect(true);
      const offer = (epoch: number, agent: string, offers: readonly Offer[]) =>
        command(
          isConnected,
          () => {
            onOffer(host, epoch, offers);
            for (const { tasks, priority, front = false } of offers)
              put(queueName(epoch, agent), { tasks, priority, front });
          },
          true,
        );
      return {
        get connected() {
          return connected;
        },
        marker: {
          read: () => command(isConnected, () => data.marker),
          beat: (last) => command(isConnected, () => beat(last), true),
          plant: (term, epoch) => command(isConnected, () => plant(term, epoch), true),
          erase: () => command(isConnected, () => void (data.marker = null), true),
        },
        offer,
        consume: (wanted) =>
          startConsumer(
            {
              ...wanted,
              url: options.url,
              prefix: options.prefix,
              onError: options.onError,
              putBack: (agent, left) => offer(wanted.epoch, agent, [{ ...left, front: true }]),
            },
            openSource(isConnected),
          ),
        dropEpochsBefore: (epoch) =>
          command(
            isConnected,
            () => {
              for (const name of data.queues.keys())
                if (Number(/^e(\d+)-/.exec(name)?.[1]) < epoch) data.queues.delete(name);
            },
            true,
          ),
        memoryPolicy: () => command(isConnected, () => 'noeviction'),
        close: () => Promise.resolve(),
      };
    },
  };
}
