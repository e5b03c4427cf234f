/**
 * Who is connected and how many tasks each may still be given. Credit-based: a slot is taken before the claim is asked for, so
 * never more is assigned than is free. Those who ask while nothing is free wait in line, per agent. Pure.
 */
export type Member = {
  readonly workerId: string;
  /** Agent → the version this worker has. */
  readonly agents: ReadonlyMap<string, string>;
  readonly slots: number;
};

/** `draining`: it asked for nothing new. `silent`: nothing was heard of it for too long. `behind`: it has not read what it was sent. */
export type RestReason = 'draining' | 'silent' | 'behind';

export type Roster<M extends Member> = {
  /** @param taken slots that it comes with: what it says it already works on */
  join(member: M, taken?: number): void;
  /** Its slots are gone; what it holds is no longer counted. */
  leave(member: M): void;
  /** From now on it is given nothing new, for this reason. */
  rest(member: M, why: RestReason): void;
  /** The reason is gone. */
  wake(member: M, why: RestReason): void;
  /** Calls `grant` once a slot for this agent is taken, at once if one is free. @returns withdraws the request */
  request(agent: string, grant: (member: M) => void): () => void;
  /** Resolves once a slot for this agent is free, and at the signal. */
  untilFree(agent: string, signal: AbortSignal): Promise<void>;
  giveBack(member: M): void;
  free(agent: string): number;
  /** Over all agents. */
  readonly freeSlots: number;
  /** Agents that some connected worker has. */
  agents(): readonly string[];
  slotsOf(agent: string): number;
  /** Undefined: it has left. */
  seatOf(member: M): { readonly taken: number; readonly resting: ReadonlySet<RestReason> } | undefined;
  readonly members: readonly M[];
};

/** `turns`: the member's agents, the one that was served longest ago first. */
type Seat = { taken: number; resting: Set<RestReason>; turns: string[] };
type Request<M> = { grant: (member: M) => void };

export function createRoster<M extends Member>(): Roster<M> {
  const seats = new Map<M, Seat>();
  const lines = new Map<string, Request<M>[]>();
  const watchers = new Map<string, Set<() => void>>();

  const freeOf = (member: M) => {
    const seat = seats.get(member);
    return seat === undefined || seat.resting.size > 0 ? 0 : Math.max(0, member.slots - seat.taken);
  };

  const membersOf = (agent: string) => [...seats.keys()].filter((member) => member.agents.has(agent));

  const freest = (agent: string) => {
    const [best] = membersOf(agent)
      .filter((member) => freeOf(member) > 0)
      .toSorted((a, b) => freeOf(b) - freeOf(a));
    return best;
  };

  const take = (member: M) => {
    const seat = seats.get(member);
    if (seat !== undefined) seat.taken += 1;
  };

  /** Nobody stands in line for this free slot. */
  const tellWatchers = (member: M) => {
    for (const agent of member.agents.keys()) {
      const waiting = watchers.get(agent);
      watchers.delete(agent);
      waiting?.forEach((tell) => tell());
    }
  };

  const free = (agent: string) => membersOf(agent).reduce((sum, member) => sum + freeOf(member), 0);

  /** The member's agents take turns, so that none starves beside a busy one. */
  const serve = (member: M) => {
    const seat = seats.get(member);
    if (seat === undefined) return;
    while (freeOf(member) > 0) {
      const agent = seat.turns.find((name) => (lines.get(name)?.length ?? 0) > 0);
      const request = agent === undefined ? undefined : lines.get(agent)?.shift();
      if (agent === undefined || request === undefined) return tellWatchers(member);
      seat.turns = [...seat.turns.filter((name) => name !== agent), agent];
      seat.taken += 1;
      request.grant(member);
    }
  };

  return {
    join(member, taken = 0) {
      // Before anybody who stands in line is served.
      seats.set(member, { taken, resting: new Set(), turns: [...member.agents.keys()] });
      serve(member);
    },
    leave: (member) => void seats.delete(member),
    rest: (member, why) => void seats.get(member)?.resting.add(why),
    wake(member, why) {
      if (seats.get(member)?.resting.delete(why)) serve(member);
    },
    request(agent, grant) {
      const member = freest(agent);
      if (member !== undefined) {
        take(member);
        grant(member);
        return () => undefined;
      }
      const request = { grant };
      const line = lines.get(agent) ?? [];
      lines.set(agent, line);
      line.push(request);
      return () => {
        const place = line.indexOf(request);
        if (place >= 0) line.splice(place, 1);
      };
    },
    giveBack(member) {
      const seat = seats.get(member);
      if (seat === undefined) return;
      seat.taken = Math.max(0, seat.taken - 1);
      serve(member);
    },
    async untilFree(agent, signal) {
      while (free(agent) === 0 && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const waiting = watchers.get(agent) ?? new Set();
        watchers.set(agent, waiting.add(resolve));
        const onAbort = () => resolve();
        signal.addEventListener('abort', onAbort, { once: true });
        await promise;
        // It outlives thousands of waits.
        signal.removeEventListener('abort', onAbort);
        waiting.delete(resolve);
      }
    },
    free,
    get freeSlots() {
      return [...seats.keys()].reduce((sum, member) => sum + freeOf(member), 0);
    },
    agents: () => [...new Set([...seats.keys()].flatMap((member) => [...member.agents.keys()]))],
    slotsOf: (agent) => membersOf(agent).reduce((sum, member) => sum + member.slots, 0),
    seatOf: (member) => seats.get(member),
    get members() {
      return [...seats.keys()];
    },
  };
}
