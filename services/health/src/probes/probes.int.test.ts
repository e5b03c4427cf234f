/** Every probe against servers that are not what they should be: away, silent, talking nonsense. */
import { eventually } from '@morningai/testbed/eventually';
import { describe, expect, test } from 'vitest';
import { openGarbagePeer, openSilentPeer, unusedAddress } from '../../test/peers.ts';
import { grpcHealthProbe } from './grpc-health.ts';
import { httpProbe } from './http.ts';
import { natsProbe } from './nats.ts';
import { postgresProbe } from './postgres.ts';
import { runProbe, type Probe } from './probe.ts';
import { redisProbe } from './redis.ts';

const TIMEOUT_MS = 300;

const PROBES: Readonly<Record<string, (address: string) => Probe>> = {
  postgres: (address) => postgresProbe(`postgres://me:hunter22@${address}/x`),
  redis: (address) => redisProbe(async () => `redis://:hunter22@${address}`),
  nats: (address) => natsProbe(`nats://me:hunter22@${address}`),
  grpc: grpcHealthProbe,
  http: (address) => httpProbe(`http://${address}/health/live`),
};

const GARBAGE = {
  'an HTTP error': 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n',
  'a friendly OK': '+OK\r\n',
  'a broken INFO': 'INFO {"no json\r\n',
  noise: '\u0000\u0001\u0002\u0003 zzz \r\n\r\n'.repeat(50),
};

const probe = (name: string, address: string) => runProbe(PROBES[name]!(address), TIMEOUT_MS, ['hunter22']);

describe.each(Object.keys(PROBES))('the %s probe', (name) => {
  test('a port nobody listens on is down, and the reason says so', async () => {
    const result = await probe(name, await unusedAddress());
    expect(result).toMatchObject({ up: false, reason: expect.stringMatching(/refused/i) });
  });

  test('a server that accepts and says nothing is down, and its connection is let go', async () => {
    await using peer = await openSilentPeer();
    const result = await probe(name, peer.address);
    expect(result).toMatchObject({ up: false, reason: `no answer within ${TIMEOUT_MS} ms` });
    expect(peer.accepted()).toBe(1);
    await eventually(() => expect(peer.open()).toBe(0));
  });

  test.each(Object.keys(GARBAGE))('a server that answers %s is down, and its connection is let go', async (kind) => {
    await using peer = await openGarbagePeer(GARBAGE[kind as keyof typeof GARBAGE]);
    const result = await probe(name, peer.address);
    expect(result).toMatchObject({ up: false, reason: expect.not.stringMatching(/hunter22|^$/) });
    await eventually(() => expect(peer.open()).toBe(0));
  });
});
