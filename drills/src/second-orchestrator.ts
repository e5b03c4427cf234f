/** One more orchestrator on the same log, for as long as a drill needs it. */
import { join } from 'node:path';
import { servicesOf } from '@morningai/cli/stack/services';
import { supervise } from '@morningai/cli/stack/supervisor';
import { reservePort } from '@morningai/testbed/ports';
import type { Stage } from './drill.ts';

export type SecondOrchestrator = AsyncDisposable & { readonly address: string };

/** Resolves when it serves. @param options.redisUrl default: the stack's */
export async function startSecondOrchestrator(
  { stack }: Pick<Stage, 'stack'>,
  options: { readonly redisUrl?: string } = {},
): Promise<SecondOrchestrator> {
  const { databaseUrl, natsUrl, apiKey } = stack.urls;
  const { redisUrl = stack.proxies.redis.through(stack.urls.redisUrl) } = options;
  const reserved = await reservePort();
  const { port } = reserved;
  const ports = { orchestrator: port, memory: 0, ingest: 0, health: 0 };
  const spec = servicesOf({ databaseUrl, redisUrl, natsUrl, apiKey, ports, publishFolder: '' }).find(
    ({ name }) => name === 'orchestrator',
  );
  if (spec === undefined) throw new Error('there is no orchestrator to start');
  const logFile = join(stack.logFolder, 'orchestrator-2.log');
  const service = await supervise(spec, { logFile, onChange: () => undefined });
  const stop = async () => {
    await service.stop();
    reserved.release();
  };
  try {
    await service.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}
