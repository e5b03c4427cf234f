import { Client, credentials, type ClientOptions } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import type { Probe } from './probe.ts';
import { withOwnSockets } from './sockets.ts';

const CHECK = service['Check']!;

/** A connection of its own: without the first option grpc-js shares one between all clients of an address. */
const FRESH: ClientOptions = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_retries': 0 };

/**
 * Up: the service says SERVING (grpc.health.v1 Check).
 * @param address "host:port"
 */
export function grpcHealthProbe(address: string): Probe {
  return async (signal, timeoutMs) => {
    const client = new Client(address, credentials.createInsecure(), FRESH);
    signal.addEventListener('abort', () => client.close(), { once: true });
    // grpc-js 1.14 keeps a connection that is accepted and then silent, also after close().
    const status = await withOwnSockets(signal, () => check(client, timeoutMs));
    if (status !== 'SERVING') throw new Error(`the service says ${status}`);
  };
}

function check(client: Client, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      CHECK.path,
      CHECK.requestSerialize,
      (bytes) => CHECK.responseDeserialize(bytes) as { status: string },
      { service: '' },
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        if (error === null) resolve(answer?.status ?? 'UNKNOWN');
        else reject(new Error(error.details, { cause: error }));
      },
    );
  });
}
