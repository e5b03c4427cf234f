import { ImageName } from 'testcontainers';
import type { Component } from '../backend.ts';
import type { RedisFlavour } from '../processes/binaries.ts';
import { RECIPE_HASH } from '../processes/debian-root.ts';
import type { Engine } from './engine.ts';

/** Longest a pull may take before we do without. */
const PULL_DEADLINE_MS = 10 * 60_000;

const OFFICIAL: Readonly<Record<Component, string>> = {
  postgres: 'pgvector/pgvector:pg17',
  redis: 'redis:8',
  nats: 'nats:2.10',
};
const OFFICIAL_VALKEY = 'valkey/valkey:8';

/** What `images` makes: one image with all the servers. */
export const IMPORTED = { repository: 'morningai/backends', tag: RECIPE_HASH };

/**
 * An image per component: the one that TESTBED_POSTGRES_IMAGE and its like name; else the official one if it is there;
 * else the one that `images` made; else the official one is pulled. Throws what the engine says when that fails.
 */
export async function ensureImages(
  engine: Engine,
  components: readonly Component[],
  options: {
    chosen: Partial<Record<Component, string>>;
    flavour: RedisFlavour;
    progress: (line: string) => void;
  },
): Promise<Map<Component, string>> {
  const images = new Map<Component, string>();
  const isThere = (image: string) => engine.image.exists(ImageName.fromString(image));
  const imported = `${IMPORTED.repository}:${IMPORTED.tag}`;
  for (const component of components) {
    const chosen = options.chosen[component];
    const official = component === 'redis' && options.flavour === 'valkey' ? OFFICIAL_VALKEY : OFFICIAL[component];
    const image = chosen ?? ((await isThere(official)) || !(await isThere(imported)) ? official : imported);
    if (!(await isThere(image))) await pull(engine, image, options.progress);
    images.set(component, image);
  }
  return images;
}

async function pull(engine: Engine, image: string, progress: (line: string) => void): Promise<void> {
  progress(`pulling ${image} (once) …`);
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`pulling ${image} took too long`)), PULL_DEADLINE_MS);
  await Promise.race([engine.image.pull(ImageName.fromString(image)), tooLate]).finally(() => clearTimeout(timer));
}
