/**
 * A worker by the work protocol: it takes what it is assigned, works as long as the task says, and holds each outcome until it is
 * acknowledged. A stream that breaks, or an orchestrator that says nothing for too long, sends it to the next one.
 */
import type { Claim, OrchestratorMessage, WorkerMessage } from '@morningai/rpc/worker';
import { createLink, type Link } from './link.ts';
import type { SimulatedOrchestrator } from './orchestrator.ts';
import type { Host, VirtualTime } from './virtual-time.ts';

/** What a task asks of its worker: input of the agents here. */
export type Work = { readonly ms: number; readonly ends: 'completes' | 'fails' | 'fails for good' };

export type Acknowledged = { readonly claim: Claim; readonly outcome: 'completed' | 'failed'; readonly output: string };

/** Works as it is told; ends nothing; or ends all that it has, and at once what it is given. */
export type Manner = 'as told' | 'holding' | 'hurrying';

export type SimulatedWorker = {
  readonly host: Host;
  readonly agents: readonly string[];
  readonly slots: number;
  behave(manner: Manner): void;
  cut(): void;
};

const HEARTBEAT_MS = 2_000;
const RECONNECT_MS = 100;
/** As CHANNEL in packages/sdk/src/connection.ts: ping after 3 s, answer within 3 s. */
const KEEPALIVE_MS = 6_000;

export type WorkerParts = {
  readonly time: VirtualTime;
  readonly host: Host;
  readonly agents: readonly string[];
  readonly slots: number;
  /** Those that live, or seem to. */
  readonly orchestrators: () => readonly SimulatedOrchestrator[];
  readonly onAssigned: (claim: Claim) => void;
  /** Told when it works on more than it has slots. */
  readonly onOverfull: (worker: string, working: number) => void;
  readonly onAcknowledged: (acknowledged: Acknowledged) => void;
};

type Attempt = {
  readonly claim: Claim;
  readonly work: Work;
  stage: 'working' | 'ended' | 'stopped';
  cancelled: boolean;
};

/** To be called as its process. */
export function startWorker(parts: WorkerParts): SimulatedWorker {
  const { time, host, agents, slots } = parts;
  const attempts = new Map<string, Attempt>();
  let link: Link | null = null;
  let welcomed = false;
  let manner: Manner = 'as told';
  let turn = Number(/\d+$/.exec(host.name)?.[0] ?? 0);

  const say = (message: NonNullable<WorkerMessage['message']>) => link?.say(message);

  const report = (attempt: Attempt) => {
    const { claim, work, cancelled } = attempt;
    if (work.ends === 'completes' && !cancelled) {
      return say({ $case: 'completed', value: { claim, outputJson: JSON.stringify(outputOf(claim)) } });
    }
    const failure = {
      code: 'AGENT_ERROR',
      message: 'as it was told',
      notRetryable: work.ends === 'fails for good',
      retryAfter: undefined,
    };
    say({ $case: 'failed', value: { claim, failure } });
  };

  const end = (attempt: Attempt) => {
    if (attempt.stage !== 'working') return;
    if (manner === 'holding' && !attempt.cancelled) return void time.sleep(HEARTBEAT_MS / 4).then(() => end(attempt));
    attempt.stage = 'ended';
    if (welcomed) report(attempt);
  };

  const hear = (message: NonNullable<OrchestratorMessage['message']>) => {
    switch (message.$case) {
      case 'welcome':
        welcomed = true;
        for (const claim of message.value.fenced) attempts.delete(keyOf(claim));
        for (const attempt of attempts.values()) if (attempt.stage === 'ended') report(attempt);
        return;
      case 'assigned': {
        const { claim, inputJson } = message.value;
        if (claim === undefined) return;
        const attempt: Attempt = { claim, work: JSON.parse(inputJson) as Work, stage: 'working', cancelled: false };
        attempts.set(keyOf(claim), attempt);
        parts.onAssigned(claim);
        const working = [...attempts.values()].filter(({ stage }) => stage === 'working').length;
        if (working > slots) parts.onOverfull(host.name, working);
        say({ $case: 'begun', value: { claim } });
        void time.sleep(manner === 'hurrying' ? 1 : attempt.work.ms).then(() => end(attempt));
        return;
      }
      case 'recorded': {
        const { claim, what } = message.value;
        if (claim === undefined || what?.$case !== 'outcome') return;
        const attempt = attempts.get(keyOf(claim));
        if (attempt === undefined) return;
        attempts.delete(keyOf(claim));
        const outcome = attempt.work.ends === 'completes' && !attempt.cancelled ? 'completed' : 'failed';
        parts.onAcknowledged({ claim, outcome, output: outputOf(claim) });
        return;
      }
      case 'fenced':
        if (message.value.claim !== undefined) attempts.delete(keyOf(message.value.claim));
        return;
      case 'cancel': {
        const attempt = message.value.claim === undefined ? undefined : attempts.get(keyOf(message.value.claim));
        if (attempt === undefined || attempt.stage !== 'working') return;
        attempt.cancelled = true;
        end(attempt);
        return;
      }
      default:
        message satisfies never;
    }
  };

  const connect = () => {
    const living = parts.orchestrators();
    const to = living[turn % Math.max(1, living.length)];
    turn += 1;
    if (to === undefined) return void time.sleep(RECONNECT_MS).then(connect);
    welcomed = false;
    const current = createLink(
      time,
      { orchestrator: to.host, worker: host },
      {
        hear,
        onBreak() {
          if (link !== current) return;
          link = null;
          welcomed = false;
          void time.sleep(RECONNECT_MS).then(connect);
        },
      },
    );
    link = current;
    time.post(to.host, () => to.serve(current.server));
    const offer = { version: '1', inputSchemaJson: 'true', retry: undefined, lease: undefined, timeout: undefined };
    say({
      $case: 'hello',
      value: {
        workerId: host.name,
        agents: agents.map((name) => ({ name, ...offer })),
        slots,
        running: [...attempts.values()].map(({ claim }) => claim),
      },
    });
    watch(current, to);
  };

  /** A process that is frozen keeps its sockets: its pings say so. One that is dead does not. */
  const watch = (current: Link, to: SimulatedOrchestrator) => {
    let silentMs = 0;
    const look = () => {
      if (link !== current) return;
      silentMs = to.host.state === 'frozen' ? silentMs + HEARTBEAT_MS / 2 : 0;
      if (to.host.state === 'dead' || silentMs >= KEEPALIVE_MS) return current.cut();
      void time.sleep(HEARTBEAT_MS / 2).then(look);
    };
    void time.sleep(to.host.state === 'dead' ? 1 : HEARTBEAT_MS / 2).then(look);
  };

  const beat = () => {
    if (welcomed) say({ $case: 'heartbeat', value: { running: [...attempts.values()].map(({ claim }) => claim) } });
    void time.sleep(HEARTBEAT_MS).then(beat);
  };

  const worker: SimulatedWorker = {
    host,
    agents,
    slots,
    behave(next) {
      manner = next;
      if (next === 'hurrying') time.post(host, () => attempts.forEach(end));
    },
    cut: () => link?.cut(),
  };
  connect();
  beat();
  return worker;
}

function keyOf({ task, fence }: Claim): string {
  return `${task}/${fence}`;
}

/** Says which attempt it is of. */
export function outputOf({ task, fence }: Claim): string {
  return `${task} by ${fence}`;
}
