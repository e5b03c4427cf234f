import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Backend, Component } from '../backend.ts';
import type { OpenContext } from '../open-context.ts';
import { onFreePort } from '../on-free-port.ts';
import { type Volume, createContainerBackend } from './container-backend.ts';
import { type Engine, FOLDER_LABEL, HOST_LABEL, OWNER_LABEL, RUN_LABEL } from './engine.ts';
import { recipeFor } from './recipe.ts';
import { ignoringGone, sweepContainers, sweepVolumes } from './remove.ts';

export async function openContainers(
  engine: Engine,
  images: ReadonlyMap<Component, string>,
  context: OpenContext,
): Promise<Backend[]> {
  await sweepContainers(engine);
  await sweepVolumes(engine);
  const { run } = context;
  run.noteContainers();
  const labels = { [RUN_LABEL]: run.id, [OWNER_LABEL]: JSON.stringify(run.owner) };
  const opening = [...images].map(([component, image]) => {
    const recipe = recipeFor(component, image, { ...context, name: `testbed-${run.id}` });
    const volume = context.keepData ? volumeFor(engine, context.dataFolder, component) : undefined;
    const create = (port: number) => createContainerBackend({ engine, recipe, port, labels, volume });
    return onFreePort(context.ports[component], create, context.signal);
  });
  // When one fails the others are waited for all the same: nothing may start after the clean-up.
  await Promise.allSettled(opening);
  return Promise.all(opening);
}

/** Kept data lies in a volume of the engine, named after the data folder; it is swept when that folder is deleted. */
function volumeFor(engine: Engine, dataFolder: string, component: Component): Volume {
  const { dockerode } = engine.container;
  const name = `morningai-${createHash('sha256').update(dataFolder).digest('hex').slice(0, 12)}-${component}`;
  return {
    name,
    async create() {
      await dockerode.createVolume({ Name: name, Labels: { [FOLDER_LABEL]: dataFolder, [HOST_LABEL]: hostname() } });
    },
    remove: () => ignoringGone(dockerode.getVolume(name).remove()),
  };
}
