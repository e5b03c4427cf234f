import type { Program } from './program.ts';

/** `none`: a restart begins empty. `appendonly`: what was acknowledged survives SIGKILL. */
export type RedisPersistence = 'none' | 'appendonly';

/** @param more settings beside those of every server here */
export function redisProgram(file: string, persistence: RedisPersistence, more: readonly string[] = []): Program {
  return {
    component: 'redis',
    file,
    stopSignal: 'SIGTERM',
    url: (port) => `redis://127.0.0.1:${port}`,
    args: ({ port, dataFolder }) =>
      [
        ['--bind', '127.0.0.1'],
        ['--port', String(port)],
        ['--dir', dataFolder],
        redisSettings(persistence),
        [...more],
      ].flat(),
    isOurs: (answer, { pid }) => answer.pid === pid,
  };
}

/** For both providers. An eviction policy other than noeviction would erase jobs without an error. */
export function redisSettings(persistence: RedisPersistence): string[] {
  const appendOnly = persistence === 'appendonly' ? 'yes' : 'no';
  return ['--maxmemory-policy', 'noeviction', '--save', '', '--appendonly', appendOnly, '--daemonize', 'no'];
}
