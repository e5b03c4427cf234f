// How each server is started in a container: with commands of our own, so that official images and the one made from a
// Debian root by `images` behave the same.
import type { Component } from '../backend.ts';
import { INITDB_ARGS } from '../processes/postgres.ts';
import type { RedisFlavour } from '../processes/binaries.ts';
import { type RedisPersistence, redisSettings } from '../processes/redis.ts';

/** Where the volume with the data is mounted. */
export const DATA = '/data';

export interface ContainerRecipe {
  component: Component;
  image: string;
  /** Inside the container. */
  port: number;
  entrypoint: string[];
  command: string[];
  stopSignal: string;
  url(port: number): string;
}

/**
 * Postgres will not run as root, and each image has another way to become `postgres`. The cluster is moved in when it
 * is complete, as with processes. Clients come from the engine's bridge; only loopback is forwarded to it.
 */
const START_POSTGRES = `
PATH="/usr/lib/postgresql/17/bin:$PATH"
if command -v setpriv >/dev/null; then as='setpriv --reuid=postgres --regid=postgres --clear-groups'; else as='gosu postgres'; fi
if [ ! -s ${DATA}/cluster/PG_VERSION ]; then
  rm -rf ${DATA}/draft && mkdir -m 700 ${DATA}/draft && chown postgres ${DATA} ${DATA}/draft
  $as initdb -D ${DATA}/draft "$@"
  echo 'host all all all trust' >> ${DATA}/draft/pg_hba.conf
  mv ${DATA}/draft ${DATA}/cluster
fi
exec $as postgres -D ${DATA}/cluster -c listen_addresses='*' -c unix_socket_directories=
`;

export function recipeFor(
  component: Component,
  image: string,
  options: { redisFlavour: RedisFlavour; redisPersistence: RedisPersistence; name: string },
): ContainerRecipe {
  switch (component) {
    case 'postgres':
      return {
        component,
        image,
        port: 5432,
        entrypoint: ['/bin/sh', '-ec', START_POSTGRES, 'postgres'],
        command: [...INITDB_ARGS],
        stopSignal: 'SIGINT',
        url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
      };
    case 'redis':
      return {
        component,
        image,
        port: 6379,
        entrypoint: [`${options.redisFlavour}-server`],
        command: [
          ['--bind', '0.0.0.0'],
          ['--protected-mode', 'no'],
          ['--dir', DATA],
          redisSettings(options.redisPersistence),
        ].flat(),
        stopSignal: 'SIGTERM',
        url: (port) => `redis://127.0.0.1:${port}`,
      };
    case 'nats':
      return {
        component,
        image,
        port: 4222,
        // No shell: the official image has none.
        entrypoint: ['nats-server'],
        command: ['-js', '-sd', DATA, '-n', options.name],
        stopSignal: 'SIGTERM',
        url: (port) => `nats://127.0.0.1:${port}`,
      };
  }
}
