import type { Redis } from 'ioredis';

/** What Redis does when its memory is full. Any policy but `noeviction` erases tickets without a word. */
export async function readMemoryPolicy(redis: Redis): Promise<string> {
  const info = await redis.info('memory');
  return /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown';
}
