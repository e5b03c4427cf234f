import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { type Proxy, openProxy } from './proxy.ts';

/** Says back what it hears, with a name in front of the first word. */
async function openEcho(name: string) {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(name);
    socket.pipe(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { host: '127.0.0.1', port, sockets, close };
}

/** A client that remembers all it heard and how it ended. */
function openClient(port: number) {
  const socket = connect({ host: '127.0.0.1', port });
  const client = { socket, heard: '', ended: false, error: undefined as string | undefined };
  socket.on('data', (bytes: Buffer) => (client.heard += bytes.toString()));
  socket.on('end', () => (client.ended = true));
  socket.on('error', (error: NodeJS.ErrnoException) => (client.error = error.code));
  return client;
}

let echo: Awaited<ReturnType<typeof openEcho>>;
let proxy: Proxy;
let client: ReturnType<typeof openClient>;

beforeEach(async () => {
  echo = await openEcho('A');
  proxy = await openProxy({ target: { host: echo.host, port: echo.port } });
  client = openClient(proxy.port);
  await eventually(() => expect(client.heard).toBe('A'));
});
afterEach(async () => {
  client.socket.destroy();
  await proxy.close();
  await echo.close();
});

test('passes bytes both ways, and the end of a side that has said all', async () => {
  client.socket.end('hello');
  await eventually(() => expect(client.ended).toBe(true));
  expect(client.heard).toBe('Ahello');
  expect(proxy.marks).toMatchObject({ connections: 1, passedBytes: 11, resets: 0 });
});

test('passes more than it may hold when the receiver is slow, complete and in order', async () => {
  const size = 8 * 1024 * 1024;
  client.socket.pause();
  const sent = Buffer.alloc(size, 'abcdefg');
  client.socket.write(sent);
  const parts: Buffer[] = [];
  client.socket.removeAllListeners('data');
  client.socket.on('data', (bytes: Buffer) => parts.push(bytes));
  client.socket.resume();
  await eventually(() => expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(size));
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
});

test('latency holds bytes back, and lets go of them when it ends', async () => {
  proxy.latency(3_600_000);
  client.socket.write('late');
  await eventually(() => expect(client.socket.bytesWritten).toBe(4));
  const second = openClient(proxy.port);
  await once(second.socket, 'connect');
  expect(client.heard).toBe('A');
  expect(second.heard).toBe('');
  proxy.pass();
  await eventually(() => expect(client.heard).toBe('Alate'));
  await eventually(() => expect(second.heard).toBe('A'));
  second.socket.destroy();
});

test('a little latency is passed in order', async () => {
  proxy.latency(20);
  client.socket.write('one ');
  client.socket.write('two');
  await eventually(() => expect(client.heard).toBe('Aone two'));
});

test('a black hole swallows and closes nothing; when it heals, who lost bytes is reset', async () => {
  const unhurt = openClient(proxy.port);
  await eventually(() => expect(unhurt.heard).toBe('A'));
  proxy.blackHole();
  client.socket.write('lost');
  await eventually(() => expect(proxy.marks.swallowedBytes).toBe(4));
  expect(client).toMatchObject({ heard: 'A', ended: false, error: undefined });
  proxy.pass();
  await eventually(() => expect(client.error).toBe('ECONNRESET'));
  unhurt.socket.write('fine');
  await eventually(() => expect(unhurt.heard).toBe('Afine'));
  unhurt.socket.destroy();
});

test('nobody hears through a black hole that the other side has gone', async () => {
  proxy.blackHole();
  for (const socket of echo.sockets) socket.resetAndDestroy();
  const another = openClient(proxy.port);
  await eventually(() => expect(proxy.marks).toMatchObject({ connections: 2, swallowedBytes: 1 }));
  expect(client).toMatchObject({ ended: false, error: undefined });
  expect(another).toMatchObject({ heard: '', ended: false, error: undefined });
  proxy.pass();
  await eventually(() => expect(client.error).toBe('ECONNRESET'));
  another.socket.destroy();
});

test('reset hits open connections and new ones, until it ends', async () => {
  proxy.reset();
  await eventually(() => expect(client.error).toBe('ECONNRESET'));
  const second = openClient(proxy.port);
  await eventually(() => expect(second.error).toBe('ECONNRESET'));
  expect(proxy.marks.resets).toBe(2);
  proxy.pass();
  const third = openClient(proxy.port);
  await eventually(() => expect(third.heard).toBe('A'));
  third.socket.destroy();
});

test('half a reply arrives, then the connection ends', async () => {
  proxy.halfReply(3);
  client.socket.write('hello');
  await eventually(() => expect(client.ended).toBe(true));
  expect(client.heard).toBe('Ahel');
  expect(proxy.marks.halfReplies).toBe(1);
});

test('a refusing proxy keeps its port', async () => {
  proxy.refuse();
  await eventually(() => expect(client.error).toBe('ECONNRESET'));
  const second = openClient(proxy.port);
  await eventually(() => expect(second.error).toBe('ECONNREFUSED'));
  proxy.pass();
  const third = openClient(proxy.port);
  await eventually(() => expect(third.heard).toBe('A'));
  third.socket.destroy();
});

test('swap resets the open connections and sends new ones elsewhere', async () => {
  const other = await openEcho('B');
  proxy.swap({ host: other.host, port: other.port });
  await eventually(() => expect(client.error).toBe('ECONNRESET'));
  const second = openClient(proxy.port);
  await eventually(() => expect(second.heard).toBe('B'));
  second.socket.destroy();
  await other.close();
});

test('a target that is down looks like one that resets', async () => {
  await echo.close();
  const second = openClient(proxy.port);
  await eventually(() => expect(second.error).toBe('ECONNRESET'));
  echo = await openEcho('A');
});

test('its address replaces that of the target in a URL and keeps the rest', () => {
  expect(proxy.through('postgres://me:secret@db:5432/app?sslmode=disable')).toBe(
    `postgres://me:secret@127.0.0.1:${proxy.port}/app?sslmode=disable`,
  );
  expect(proxy.url('redis')).toBe(`redis://127.0.0.1:${proxy.port}`);
});
