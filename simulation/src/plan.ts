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
  /** Of the agent with the short lease: at the first, or as others. */
  readonly maxCrashes: number;
};

export type Wanted = {
  readonly agent: string;
  readonly tenant: string;
  readonly priority: number;
  readonly dueInMs: number;
  readonly key: string;
  readonly work: Work;
};

export function agentRecords({ maxCrashes }: Pick<Plan, 'maxCrashes'>): readonly AgentRecord[] {
  return AGENTS.map((name) => ({
    name,
    version: '1',
    inputSchema: 'true',
    maxAttempts: 4,
    maxCrashes: name === 'echo' ? maxCrashes : 3,
    retryBaseMs: 100,
    retryCapMs: 1_000,
    leaseMs: name === 'echo' ? 5_000 : 10_000,
    lastSeenAt: new Date(0),
  }));
}
