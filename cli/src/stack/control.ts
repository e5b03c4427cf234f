/**
 * The stack's owner takes orders: `morningai stack` asks it over a Unix socket in the stack's folder, for whoever may read that folder's
 * key. One order per component at a time; the others wait for it.
 */
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, asAppError } from '@morningai/core/errors';
import { ACTIONS, type Action, type ProcessEntry, type StackComponent } from './component.ts';

export type Control = AsyncDisposable & {
  /** Of the socket. */
  readonly path: string;
};

export type ComponentReport = Pick<StackComponent, 'name' | 'state'> & { readonly process: ProcessEntry | null };

/** What a Unix socket's path may have, on every system. */
const PATH_MAX_BYTES = 100;
const CONNECTIONS_MAX = 16;
const REQUEST_MS = 5_000;

/** @param options.changed called after each action; awaited before the answer */
export async function openControl(options: {
  readonly folder: string;
  readonly components: readonly StackComponent[];
  readonly changed: () => Promise<void>;
}): Promise<Control> {
  const { components, changed } = options;
  const orders = new Map<string, Promise<unknown>>();

  const act = async (component: StackComponent, action: Action, before: Promise<unknown>) => {
    await before.catch(() => undefined);
    try {
      await component[action]();
    } finally {
      await changed();
    }
  };
  const obey = async (component: StackComponent, action: Action): Promise<ComponentReport> => {
    const order = act(component, action, orders.get(component.name) ?? Promise.resolve());
    orders.set(component.name, order);
    await order;
    return reportOf(component);
  };

  const answer = async (request: IncomingMessage): Promise<unknown> => {
    const [, name, action] = (request.url ?? '').split('/');
    if (request.method === 'GET') return { components: components.map(reportOf) };
    const component = components.find((one) => one.name === name);
    const known = ACTIONS.find((one) => one === action);
    if (request.method !== 'POST' || component === undefined || known === undefined)
      throw new AppError('ROUTE_NOT_FOUND', `there is no order ${request.url ?? ''}`);
    return obey(component, known);
  };

  const server = createServer((request, response) => {
    request.resume();
    answer(request).then(
      (body) => send(response, 200, body),
      (thrown: unknown) => {
        const { code, message, cause } = asAppError(thrown);
        send(response, 409, { code, message: code === 'INTERNAL' ? String(cause) : message });
      },
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = REQUEST_MS;
  server.requestTimeout = REQUEST_MS;

  const place = await socketFolder(options.folder);
  const path = join(place, 'socket');
  // Left by a stack that was killed; who owns the data folder owns this too.
  await rm(path, { force: true });
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o600);
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await rm(place, { recursive: true, force: true });
    },
  };
}

function reportOf(component: StackComponent): ComponentReport {
  const { name, state, entry } = component;
  return { name, state, process: entry };
}

/** A folder for the owner only: no moment at which another could connect. */
async function socketFolder(folder: string): Promise<string> {
  const near = join(folder, 'control');
  if (Buffer.byteLength(join(near, 'socket')) > PATH_MAX_BYTES) return mkdtemp(join(tmpdir(), 'morningai-control-'));
  await mkdir(near, { recursive: true, mode: 0o700 });
  await chmod(near, 0o700);
  return near;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
