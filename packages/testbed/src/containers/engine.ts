import { hostname } from 'node:os';
import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';

export type Engine = ContainerRuntimeClient;

/** Label of everything we make in an engine; its value is the run's id. */
export const RUN_LABEL = 'morningai.testbed';
/** On containers: the run's record in short, so that a sweep can judge it without the run's folder. */
export const OWNER_LABEL = 'morningai.testbed.owner';
/** On volumes that hold a kept data folder's data: the folder's path and this machine's name. */
export const FOLDER_LABEL = 'morningai.testbed.folder';
export const HOST_LABEL = 'morningai.testbed.host';

const LOOPBACK = new Set(['localhost', '127.0.0.1']);

/**
 * The Docker engine of this machine; undefined when none answers, or when it runs elsewhere: our ports are on loopback.
 * Inside a container testcontainers names the bridge as the engine's host, also for an engine that runs in here with us;
 * that one has our host name, while one whose socket was passed in has another.
 */
export async function findEngine(): Promise<Engine | undefined> {
  const engine = await getContainerRuntimeClient().catch(() => undefined);
  if (!engine || LOOPBACK.has(engine.info.containerRuntime.host)) return engine;
  const { Name } = (await engine.container.dockerode.info()) as { Name?: string };
  return Name === hostname() ? engine : undefined;
}
