/** Workers of the drill's own, kept between schedules, and the outside world that their tasks have effects on. */
import { eventually } from '@morningai/testbed/eventually';
import { startWorker, type DrillWorker } from './drill-worker.ts';
import type { DrillStack } from './drill-stack.ts';
import { openOutsideWorld, type Call } from './outside-world.ts';

export const HOST_AGENT = 'drill-effect';

export type Host = {
  readonly pid: number;
  kill(): Promise<void>;
  /** @returns the pid of the one in its place */
  replace(): Promise<number>;
  freeze(): Promise<void>;
  thaw(): void;
};

export type DrillHosts = AsyncDisposable & {
  /** One that has begun a task and not come to its end. @throws when none has for long */
  busy(signal: AbortSignal): Promise<Host>;
  /** Told of every call to the outside world, until the next listener. */
  listen(listener: (call: Call) => void): void;
};

const HOSTS = 2;
/** As long as Postgres may be away in a schedule, and then some. */
const BUSY_MS = 10_000;

/** @param addresses of orchestrators: the workers are spread over them */
export async function openDrillHosts(
  stack: DrillStack,
  addresses: readonly string[] = [stack.urls.orchestratorAddress],
): Promise<DrillHosts> {
  const resources = new AsyncDisposableStack();
  let listener: (call: Call) => void = () => undefined;
  /** Tasks of each worker that are between their first and their last word. */
  const at = new Map<string, Set<string>>();
  const hear = async (call: Call) => {
    const tasks = at.get(call.worker) ?? new Set();
    if (call.what === 'before') tasks.add(call.task);
    if (call.what === 'after' || call.what === 'fenced') tasks.delete(call.task);
    at.set(call.worker, tasks);
    listener(call);
  };
  const world = resources.use(await openOutsideWorld(hear));
  let started = 0;
  const launch = async (address: string): Promise<Launched> => {
    const id = `drill-host-${(started += 1)}`;
    return { id, worker: await startWorker({ stack }, { world, agents: [HOST_AGENT], workerId: id, address }) };
  };
  const hosts: ReturnType<typeof createHost>[] = [];
  try {
    for (let index = 0; index < HOSTS; index += 1) {
      const address = addresses[index % addresses.length] ?? stack.urls.orchestratorAddress;
      const launchThere = () => launch(address);
      const host = createHost(await launchThere(), launchThere);
      resources.defer(() => host.kill());
      hosts.push(host);
    }
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
  return {
    busy(signal) {
      const one = () => {
        const found = hosts.find(({ id }) => (at.get(id)?.size ?? 0) > 0);
        if (found === undefined) throw new Error('no worker was busy');
        return found;
      };
      return eventually(one, { deadlineMs: BUSY_MS, everyMs: 5, signal });
    },
    listen: (next) => void (listener = next),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

type Launched = { readonly worker: DrillWorker; readonly id: string };

function createHost(first: Launched, launch: () => Promise<Launched>): Host & { readonly id: string } {
  let current = first;
  return {
    get pid() {
      return current.worker.pid;
    },
    get id() {
      return current.id;
    },
    kill: () => current.worker.kill(),
    async replace() {
      current = await launch();
      return current.worker.pid;
    },
    freeze: () => current.worker.freeze(),
    thaw: () => current.worker.thaw(),
  };
}
