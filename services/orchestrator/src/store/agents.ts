import type { Pool, Statement } from '@morningai/log/pool';
import type { AgentRecord } from '../domain/agent-record.ts';

const REMEMBER: Statement = {
  name: 'remember_agent',
  sql: `INSERT INTO agents (name, version, input_schema, max_attempts, max_crashes, retry_base_ms, retry_cap_ms, lease_ms, last_seen_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
        ON CONFLICT (name, version) DO UPDATE SET
          input_schema = excluded.input_schema, max_attempts = excluded.max_attempts, max_crashes = excluded.max_crashes,
          retry_base_ms = excluded.retry_base_ms, retry_cap_ms = excluded.retry_cap_ms, lease_ms = excluded.lease_ms,
          last_seen_at = excluded.last_seen_at`,
};

export async function rememberAgent(pool: Pool, agent: Omit<AgentRecord, 'lastSeenAt'>): Promise<void> {
  const { name, version, inputSchema, maxAttempts, maxCrashes, retryBaseMs, retryCapMs, leaseMs } = agent;
  await pool.query(REMEMBER, [name, version, inputSchema, maxAttempts, maxCrashes, retryBaseMs, retryCapMs, leaseMs]);
}

const LIST: Statement = {
  name: 'list_agents',
  sql: `SELECT name, version, input_schema AS "inputSchema", max_attempts AS "maxAttempts", max_crashes AS "maxCrashes",
               retry_base_ms AS "retryBaseMs", retry_cap_ms AS "retryCapMs", lease_ms AS "leaseMs", last_seen_at AS "lastSeenAt"
        FROM agents ORDER BY name, last_seen_at DESC`,
};

export function listAgents(pool: Pool): Promise<AgentRecord[]> {
  return pool.query<AgentRecord>(LIST, []);
}
