/**
 * A TCP proxy that hurts whoever talks through it. It stands in front of one server and keeps its port whatever happens.
 * A change applies to open connections at once. Memory is bounded: a slow receiver slows its sender.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Fault, ProxyMarks } from './proxy/fault.ts';
import { type Link, type Target, createLink } from './proxy/link.ts';
import { reservePort } from './ports.ts';

export type { ProxyMarks, Target };

export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** `url('redis')` → `redis://127.0.0.1:<port>`. */
  url(scheme: string): string;
  /** The same URL with the proxy in place of host and port: keeps user, database, and the rest. */
  through(url: string): string;
  /** Ends any fault. Connections that lost bytes in a black hole are reset: their conversation has a hole. */
  pass(): void;
  /** Every byte arrives so much later, in both directions. */
  latency(ms: number): void;
  /** Swallows all bytes and closes nothing; new connections are accepted and hear nothing. */
  blackHole(): void;
  /** Resets open connections now, and new ones as soon as they are there, until `pass()`. */
  reset(): void;
  /** Of what the server says from now on, so many bytes arrive per connection; then it is closed. */
  halfReply(bytes: number): void;
  /** Resets open connections and stops listening, until `pass()`. */
  refuse(): void;
  /** Sends new connections elsewhere and resets the open ones: a failover. */
  swap(target: Target | string): void;
  readonly marks: Readonly<ProxyMarks>;
  close(): Promise<void>;
}

export async function openProxy(options: { target: Target | string }): Promise<Proxy> {
  let target = targetOf(options.target);
  let fault: Fault = { kind: 'none' };
  const marks: ProxyMarks = {
    connections: 0,
    resets: 0,
    halfReplies: 0,
    swallowedBytes: 0,
    passedBytes: 0,
    delayedBytes: 0,
  };
  const links = new Set<Link>();
  const reserved = await reservePort();
  // allowHalfOpen: a client that has said all may still listen.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    marks.connections += 1;
    const link = createLink({ client, target, fault: () => fault, marks, onClose: () => links.delete(link) });
    links.add(link);
    if (fault.kind === 'reset') link.reset();
  });
  const listen = () => server.listen({ host: '127.0.0.1', port: reserved.port });
  listen();
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const resetAll = () => {
    for (const link of links) link.reset();
  };
  const change = (next: Fault) => {
    fault = next;
    if (next.kind === 'refuse') server.close();
    else if (!server.listening) listen();
    if (next.kind === 'refuse' || next.kind === 'reset') resetAll();
    else for (const link of links) link.update();
  };
  const close = async () => {
    resetAll();
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
    reserved.release();
  };

  return {
    port,
    marks,
    url: (scheme) => `${scheme}://127.0.0.1:${port}`,
    through: (address) => {
      const url = new URL(address);
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.href;
    },
    pass: () => change({ kind: 'none' }),
    latency: (ms) => change({ kind: 'latency', ms }),
    blackHole: () => change({ kind: 'blackHole' }),
    reset: () => change({ kind: 'reset' }),
    halfReply: (bytes) => change({ kind: 'halfReply', bytes }),
    refuse: () => change({ kind: 'refuse' }),
    swap: (next) => {
      target = targetOf(next);
      resetAll();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function targetOf(target: Target | string): Target {
  if (typeof target !== 'string') return target;
  const { hostname, port } = new URL(target);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}
