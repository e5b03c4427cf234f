// Writes one fact into a component and reads it back, through the clients that the system itself uses.
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Component } from '../src/testbed.ts';

export interface Store {
  write(url: string, fact: string): Promise<void>;
  /** undefined when there is none. */
  read(url: string): Promise<string | undefined>;
}

const postgres: Store = {
  write: (url, fact) =>
    withPostgres(url, async (client) => {
      await client.query('CREATE TABLE facts (fact text)');
      await client.query('INSERT INTO facts VALUES ($1)', [fact]);
    }),
  read: (url) =>
    withPostgres(url, async (client) => {
      const { rows: tables } = await client.query("SELECT 1 FROM pg_tables WHERE tablename = 'facts'");
      if (tables.length === 0) return undefined;
      const { rows } = await client.query<{ fact: string }>('SELECT fact FROM facts');
      return rows[0]?.fact;
    }),
};

const redis: Store = {
  write: (url, fact) => withRedis(url, async (client) => void (await client.set('fact', fact))),
  read: (url) => withRedis(url, async (client) => (await client.get('fact')) ?? undefined),
};

const nats: Store = {
  async write(url, fact) {
    await using connection = await openNats(url);
    await (await jetstreamManager(connection.nats)).streams.add({ name: 'FACTS', subjects: ['facts'] });
    await jetstream(connection.nats).publish('facts', fact);
  },
  async read(url) {
    await using connection = await openNats(url);
    const manager = await jetstreamManager(connection.nats);
    const streams = await manager.streams.names().next();
    if (!streams.includes('FACTS')) return undefined;
    return (await manager.streams.getMessage('FACTS', { last_by_subj: 'facts' }))?.string();
  },
};

export const STORES: Readonly<Record<Component, Store>> = { postgres, redis, nats };

async function openNats(url: string) {
  const nats = await connect({ servers: url, reconnect: false });
  return { nats, [Symbol.asyncDispose]: () => nats.close() };
}

async function withPostgres<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { retryStrategy: () => null });
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}
