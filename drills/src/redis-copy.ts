import type { Redis } from 'ioredis';

/** Every key, as Redis dumps it. */
export async function copyOf(redis: Redis): Promise<ReadonlyMap<string, Buffer>> {
  const copy = new Map<string, Buffer>();
  for (const key of await redis.keys('*')) {
    const dump = await redis.dumpBuffer(key);
    if (dump !== null) copy.set(key, dump);
  }
  return copy;
}

/** Into an empty Redis. */
export async function restore(redis: Redis, copy: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [key, dump] of copy) await redis.restore(key, 0, dump);
}
