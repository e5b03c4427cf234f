import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { type RunOwner, stateOf } from '../run-record.ts';
import { type Engine, FOLDER_LABEL, HOST_LABEL, OWNER_LABEL, RUN_LABEL, findEngine } from './engine.ts';

/** Removes the containers of a run, running or not, with their own volumes. */
export async function removeContainersOf(runId: string): Promise<void> {
  const engine = await findEngine();
  if (!engine) return;
  const { dockerode } = engine.container;
  const found = await dockerode.listContainers({ all: true, filters: { label: [`${RUN_LABEL}=${runId}`] } });
  await Promise.all(found.map(({ Id }) => removeContainer(engine, Id)));
}

/** Containers of runs whose watcher died as well, and whose folder may be gone with a reboot. */
export async function sweepContainers(engine: Engine): Promise<void> {
  const found = await engine.container.dockerode.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
  const abandoned = found.filter(({ Labels }) => stateOf(parseOwner(Labels[OWNER_LABEL])) === 'abandoned');
  await Promise.all(abandoned.map(({ Id }) => removeContainer(engine, Id)));
}

function parseOwner(label: string | undefined): RunOwner {
  return JSON.parse(label ?? '{}') as RunOwner;
}

/** Running or not, with its own volume. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  await ignoringGone(engine.container.dockerode.getContainer(id).remove({ force: true, v: true }));
}

/** Volumes of data folders that have been deleted since. */
export async function sweepVolumes(engine: Engine): Promise<void> {
  const { dockerode } = engine.container;
  const { Volumes } = await dockerode.listVolumes({ filters: { label: [`${HOST_LABEL}=${hostname()}`] } });
  const lost = Volumes.filter(({ Labels }) => Labels?.[FOLDER_LABEL] && !existsSync(Labels[FOLDER_LABEL]));
  await Promise.all(lost.map(({ Name }) => ignoringGone(dockerode.getVolume(Name).remove())));
}

/** 404: it is gone; 409: somebody else is removing it. */
export async function ignoringGone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: Error & { statusCode?: number }) => {
    if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
  });
}
