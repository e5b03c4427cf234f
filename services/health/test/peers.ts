/** Servers that are not what they should be. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Peer = AsyncDisposable & {
  /** "127.0.0.1:port" */
  readonly address: string;
  /** Connections that came in all. */
  accepted(): number;
  /** Connections that are still open. */
  open(): number;
};

/** Accepts and never says a word, like a server that was frozen. */
export function openSilentPeer(): Promise<Peer> {
  return openPeer(() => undefined);
}

/** Says `text` on every connection, and again to whatever it hears. */
export function openGarbagePeer(text: string): Promise<Peer> {
  return openPeer((socket) => {
    socket.write(text);
    socket.on('data', () => socket.write(text));
  });
}

/** An address at which nobody listens. */
export async function unusedAddress(): Promise<string> {
  await using peer = await openSilentPeer();
  return peer.address;
}

async function openPeer(greet: (socket: Socket) => void): Promise<Peer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // The prober leaves without a goodbye.
    socket.on('error', () => undefined);
    socket.resume();
    greet(socket);
  });
  await listen(server);
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted: () => accepted,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
