import { createRpcServer } from '@morningai/rpc/server';
import type { Logger } from '@morningai/service/logger';
import type { MemoryConfig } from './config.ts';
import { answers } from './store/answers.ts';
import { openPool } from './store/pool.ts';
import { watchPostgres } from './watch-postgres.ts';

/** How long calls that are under way may take when memory stops. */
const GRACE_MS = 5_000;

export type Memory = AsyncDisposable & {
  /** "host:port" */
  readonly address: string;
};

/** Listens at once and says NOT_SERVING until Postgres answers, and whenever it does not. */
export async function createMemory(config: MemoryConfig, logger: Logger): Promise<Memory> {
  await using starting = new AsyncDisposableStack();
  const rpc = starting.adopt(createRpcServer(), (server) => server.close(GRACE_MS));
  const port = await rpc.listen(`${config.bindHost}:${config.port}`);
  const address = `${config.bindHost}:${port}`;
  logger.info({ address }, 'memory listens');

  const pool = starting.adopt(openPool(config.databaseUrl), (open) => open.end());
  const stop = new AbortController();
  const watching = watchPostgres(
    { ask: () => answers(pool), url: config.databaseUrl, logger, onChange: rpc.setServing },
    stop.signal,
  );
  starting.defer(async () => {
    stop.abort();
    rpc.setServing(false);
    await watching;
  });

  const running = starting.move();
  return { address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
