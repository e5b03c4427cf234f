import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@morningai/testbed/eventually';
import pg from 'pg';
import { openPool, type Statement } from '@morningai/log/pool';
import { markRise, type Nemesis } from './nemesis.ts';

const STEP_MS = 50;
const SEEN_MS = 5_000;

export const postgresTerminated: Nemesis = {
  name: 'postgres-terminated',
  row: 'P2',
  what: 'backends of Postgres that are in the middle of an append are terminated, again and again',
  target: 'postgres',
  lastsMs: [500, 3_000],
  isDown: false,
  mayExpire: false,
  async inject({ stack, forMs, signal, mark, onHeal }) {
    // What others ask of Postgres only a superuser sees.
    const admin = openPool({ url: stack.urls.databaseUrl, name: 'drill-admin', role: null, maxConnections: 1 });
    onHeal(() => admin.close());
    let terminated = 0;
    const strike = async () => {
      const rows = await admin.query<{ ended: boolean }>(TERMINATE, []);
      terminated += rows.filter(({ ended }) => ended).length;
      if (terminated === 0) throw new Error('no append was met');
    };
    // At least one is met: the load goes on appending.
    await eventually(strike, { deadlineMs: SEEN_MS, everyMs: 5, signal }).catch(() => signal.throwIfAborted());
    const until = performance.now() + forMs;
    while (performance.now() < until) {
      await delay(STEP_MS, undefined, { signal });
      await strike().catch(() => undefined);
    }
    markRise({ mark }, 'backends terminated in an append', 0, terminated);
  },
};

const TERMINATE: Statement = {
  name: 'drill_terminate',
  sql: `SELECT pg_terminate_backend(a.pid) AS ended FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state = 'active' AND a.query LIKE '%append(%'`,
};

/** Not even a superuser gets in. */
export const poolExhausted: Nemesis = {
  name: 'postgres-exhausted',
  row: 'P3',
  what: 'every connection that Postgres has is taken, and those of the services are ended',
  target: 'postgres',
  lastsMs: [500, 3_000],
  isDown: true,
  mayExpire: false,
  async inject({ stack, onHeal, mark }) {
    const taken: pg.Client[] = [];
    onHeal(async () => void (await Promise.all(taken.map((client) => client.end()))));
    const take = async () => {
      const client = new pg.Client({ connectionString: stack.urls.databaseUrl, connectionTimeoutMillis: CONNECT_MS });
      client.on('error', () => undefined);
      await client.connect();
      taken.push(client);
    };
    // Of those that are free, and then of those that become free as the services lose theirs.
    let refusal = await untilRefused(take);
    await taken[0]?.query(TERMINATE_OTHERS);
    refusal = (await untilRefused(take)) ?? refusal;
    mark({
      what: `connections taken: ${taken.length}`,
      before: 'let in',
      after: refusal ?? 'let in',
      left: refusal !== undefined,
    });
  },
};

const CONNECT_MS = 2_000;
const CONNECTIONS_MAX = 1_000;

/** @returns the SQLSTATE */
async function untilRefused(take: () => Promise<void>): Promise<string | undefined> {
  for (let taken = 0; taken < CONNECTIONS_MAX; taken += 1) {
    try {
      await take();
    } catch (error) {
      return String((error as { code?: unknown }).code);
    }
  }
  return undefined;
}

/** Those of this drill stay: they look on. */
const TERMINATE_OTHERS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND application_name <> '' AND application_name NOT LIKE 'drill%'`;
