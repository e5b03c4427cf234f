// One server as a container. The container is made by the first start and lives until wipe or close: kill and start are
// the engine's own, so the data in its volume stays.
import type { IncomingMessage } from 'node:http';
import { type Backend, START_DEADLINE_MS, STOP_DEADLINE_MS } from '../backend.ts';
import { TestbedError } from '../errors.ts';
import { eventually } from '../eventually.ts';
import { ExitListeners } from '../exit-listeners.ts';
import { PROBES } from '../probes/answer.ts';
import { untilAnswers } from '../until-answers.ts';
import type { Engine } from './engine.ts';
import { LoopbackContainer } from './loopback-container.ts';
import type { ContainerRecipe } from './recipe.ts';
import { removeContainer } from './remove.ts';

const LOG_LINES_SHOWN = 15;
const GONE_DEADLINE_MS = 10_000;

export interface Volume {
  readonly name: string;
  create(): Promise<void>;
  remove(): Promise<void>;
}

export function createContainerBackend(options: {
  engine: Engine;
  recipe: ContainerRecipe;
  port: number;
  labels: Record<string, string>;
  volume: Volume | undefined;
}): Backend {
  const { engine, recipe, port, labels, volume } = options;
  const { component } = recipe;
  const { dockerode } = engine.container;
  const listeners = new ExitListeners();
  let containerId: string | undefined;
  /** One life of the container, from a start to its end. */
  let life: object | undefined;
  let starting: Promise<void> | undefined;
  let version: string | undefined;

  const backend: Backend = {
    component,
    provider: 'containers',
    url: recipe.url(port),
    get version() {
      return version;
    },
    get running() {
      return life && containerId ? { containerId } : undefined;
    },
    start() {
      starting ??= launch().finally(() => (starting = undefined));
      return starting;
    },
    async stop() {
      if (!life || !containerId) return;
      listeners.mute(life);
      await dockerode
        .getContainer(containerId)
        .unpause()
        .catch(() => undefined);
      await dockerode.getContainer(containerId).stop({ t: STOP_DEADLINE_MS / 1_000 });
      await untilDown(containerId);
    },
    async kill() {
      if (!life) await starting?.catch(() => undefined);
      if (!life || !containerId) return;
      const container = dockerode.getContainer(containerId);
      // It may have died by itself a moment ago.
      await container.kill().catch(() => undefined);
      // A paused container takes the signal when it goes on.
      await container.unpause().catch(() => undefined);
      await untilDown(containerId);
    },
    async wipe() {
      await backend.kill();
      if (containerId) await removeContainer(engine, containerId);
      containerId = undefined;
      await volume?.remove();
    },
    async freeze() {
      await mustRun().pause();
    },
    async thaw() {
      await mustRun().unpause();
    },
    onExit: (listener) => listeners.add(listener),
  };
  return backend;

  async function launch(): Promise<void> {
    if (!life) await (containerId ? engine.container.start(dockerode.getContainer(containerId)) : create());
    if (!containerId) throw new TestbedError('BACKEND_DIED', `${component} has no container`);
    if (!life) await watch(containerId, (life = {}));
    await answers(containerId);
  }

  async function create(): Promise<void> {
    await volume?.create();
    const onCreated = (id: string) => (containerId = id);
    const container = new LoopbackContainer({ recipe, hostPort: port, labels, volume: volume?.name, onCreated });
    try {
      await container.start();
    } catch (cause) {
      const taken = /address already in use|port is already allocated/i.test(String(cause));
      if (containerId) await removeContainer(engine, containerId);
      containerId = undefined;
      const code = taken ? 'PORT_TAKEN' : 'BACKEND_DIED';
      throw new TestbedError(code, `${component} could not be started in a container: ${String(cause)}`, { cause });
    }
  }

  async function answers(id: string): Promise<void> {
    const current = life;
    const answer = await untilAnswers(() => PROBES[component](backend.url, 1_000), {
      deadlineMs: START_DEADLINE_MS,
      giveUp: () =>
        current && life === current ? undefined : new TestbedError('BACKEND_DIED', `${component} ended while starting`),
    }).catch(async (cause: Error) => {
      const log = await dockerode.getContainer(id).logs({ stdout: true, stderr: true, tail: LOG_LINES_SHOWN });
      const code = cause instanceof TestbedError ? cause.code : 'BACKEND_SILENT';
      await backend.kill();
      throw new TestbedError(code, `${component}: ${cause.message}\n${log.toString('utf8')}`, { cause });
    });
    version = answer.version;
  }

  /** The engine tells when the container dies. The connection does not keep this process alive. */
  async function watch(id: string, watched: object): Promise<void> {
    const filters = { container: [id], event: ['die'] };
    const events = (await dockerode.getEvents({ filters })) as IncomingMessage;
    events.socket.unref();
    const ended = () => {
      events.destroy();
      if (life !== watched) return;
      life = undefined;
      listeners.fire(watched);
    };
    events.once('data', ended);
    events.once('error', () => undefined);
    // It may have died before we listened.
    if (!(await isUp(id))) ended();
  }

  async function untilDown(id: string): Promise<void> {
    const down = async () => {
      if (life || (await isUp(id))) throw new Error(`container ${id} of ${component} does not end`);
    };
    await eventually(down, { deadlineMs: GONE_DEADLINE_MS, everyMs: 10 });
  }

  async function isUp(id: string): Promise<boolean> {
    const { State } = await dockerode.getContainer(id).inspect();
    return State.Running;
  }

  function mustRun() {
    if (!life || !containerId) throw new TestbedError('BACKEND_DOWN', `${component} does not run`);
    return dockerode.getContainer(containerId);
  }
}
