/** What a world is made of, and what may be asked of it. */
import type { AgentRecord } from '@morningai/orchestrator/domain/agent-record';
import type { WindowSize } from '@morningai/orchestrator/domain/ticket-window';
import type { Work } from './worker.ts';

export const AGENTS = ['faq', 'echo'] as const;
export const TENANTS = ['acme', 'bolt'] as const;

export type Plan = {
  readonly orchestrators: number;
  readonly workers: readonly { readonly agents: readonly string[]; readonly slots: number }[];
  readonly maxRunningPerTenant: number | null;
  readonly window: WindowSize;
};

export type Wanted = {
  readonly agent: string;
  readonly tenant: string;
  readonly priority: number;
  readonly dueInMs: number;
  readonly key: string;
  readonly work: Work;
};

export function agentRecords(): readonly AgentRecord[] {
  return AGENTS.map((name) => ({
    name,
    version: '1',
    inputSchema: 'true',
    maxAttempts: 4,
    maxCrashes: name === 'echo' ? 1 : 3,
    retryBaseMs: 100,
    retryCapMs: 1_000,
    leaseMs: name === 'echo' ? 5_000 : 10_000,
    lastSeenAt: new Date(0),
  }));
}
