import { readdir, readFile } from 'node:fs/promises';
import { infoField } from '@morningai/queue/redis-info';
import type { DrillStack } from '../drill-stack.ts';
import type { Usage } from '../invariants/evidence.ts';

/** Of one process, under the load of a drill. */
const RSS_MAX_MB = 512;
const FILES_MAX = 500;
/** As TARGETS has it for a million open tasks. */
const REDIS_MAX_MB = 32;
const MB = 1024 * 1024;

const SERVICES = ['ingest', 'orchestrator', 'memory', 'health', 'agents'] as const;

/** Where there is no /proc, of Redis only. */
export async function readUsage(stack: DrillStack): Promise<readonly Usage[]> {
  const used = await stack.redis(async (redis) => Number(infoField(await redis.info('memory'), 'used_memory')));
  const services = await Promise.all(SERVICES.map((name) => usageOf(stack, name)));
  return [{ of: 'redis', what: 'MB', value: Math.ceil(used / MB), max: REDIS_MAX_MB }, ...services.flat()];
}

async function usageOf(stack: DrillStack, name: (typeof SERVICES)[number]): Promise<readonly Usage[]> {
  const { entry } = stack.component(name);
  if (entry === null || !('pid' in entry)) return [];
  const folder = `/proc/${entry.pid}`;
  const status = await readFile(`${folder}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s*(\d+) kB/m.exec(status)?.[1];
  if (kilobytes === undefined) return [];
  const files = await readdir(`${folder}/fd`).catch(() => []);
  return [
    { of: name, what: 'MB of memory', value: Math.ceil(Number(kilobytes) / 1024), max: RSS_MAX_MB },
    { of: name, what: 'open files and sockets', value: files.length, max: FILES_MAX },
  ];
}
