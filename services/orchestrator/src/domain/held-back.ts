/**
 * What the dispatcher need not offer for now because a limit of running tasks would refuse it: more tasks of a tenant at its limit than attempts
 * of its have ended, and single tasks whose concurrency key is taken. Only a hint that saves useless claims: the guard in the log decides.
 * Bounded, and nothing stays here for long. Pure.
 */

/** So often a few tasks of a tenant at its limit are offered, for attempts that ended elsewhere. */
const PROBE_MS = 250;
const PROBE_TASKS = 10;
/** What ended while older tickets took its place is owed too: not more than the leader offers in a few turns. */
const CREDIT_MAX = 1_000;
/** A tenant that was refused nothing for so long is at no limit any more. */
const LIMITED_MS = 5_000;
/** The next task of a taken key is tried again after this, or as soon as the key is free. */
const KEY_MS = 1_000;
/** Tasks held back by their keys; those beyond are offered, and refused, again and again. */
const TASKS_MAX = 10_000;

export type Limited = {
  readonly taskId: string;
  readonly agent: string;
  readonly tenant: string;
  readonly concurrencyKey: string | null;
};

type Task = Pick<Limited, 'taskId' | 'agent'>;

export type HeldBack = {
  /** How many tasks their keys hold back. */
  readonly size: number;
  /** A claim was refused by a limit. */
  hold(task: Limited): void;
  /** True: its key is taken. */
  isHeld(taskId: string): boolean;
  /** True: a task of this tenant may be offered, and will be. */
  mayOffer(agent: string, tenant: string): boolean;
  /** How many tasks of this tenant may be offered now; Infinity: it is at no limit. */
  credit(agent: string, tenant: string): number;
  /** The tenants of this agent of which nothing may be offered now. */
  tenants(agent: string): readonly string[];
  /**
   * An attempt ended, or a task did.
   * @returns the task whose turn it is if a key is free now; and whether the tenant is at a limit, so that one more may be offered
   */
  freed(task: Omit<Limited, 'taskId'>): { readonly next: Task | null; readonly isLimited: boolean };
  /** A task of this key was offered and does not want it any more. @returns the next one: it is its turn */
  passed(tenant: string, concurrencyKey: string): Task | null;
  /** Of each key that nobody was heard to free in time, the next task. */
  takeOverdue(): Task[];
};

type Line = { readonly tasks: Map<string, Task>; heldAt: number };
type Tenant = { credit: number; refusedAt: number; probedAt: number };

/** @param now a monotonic clock, ms */
export function createHeldBack(now: () => number): HeldBack {
  const byKey = new Map<string, Line>();
  const keyOfTask = new Map<string, string>();
  const limited = new Map<string, Map<string, Tenant>>();

  const tenantOf = (agent: string, name: string): Tenant | undefined => {
    const tenants = limited.get(agent);
    const tenant = tenants?.get(name);
    if (tenant === undefined) return undefined;
    if (now() - tenant.refusedAt >= LIMITED_MS) {
      tenants?.delete(name);
      return undefined;
    }
    if (now() - tenant.probedAt >= PROBE_MS) {
      tenant.credit = Math.max(tenant.credit, PROBE_TASKS);
      tenant.probedAt = now();
    }
    return tenant;
  };

  /** A refusal takes nothing of the credit away: what it refused was paid for when it was offered, or offered before the limit was known. */
  const limit = (agent: string, name: string) => {
    const tenants = limited.get(agent) ?? new Map<string, Tenant>();
    limited.set(agent, tenants);
    const { credit, probedAt } = tenants.get(name) ?? { credit: 0, probedAt: now() };
    tenants.set(name, { credit, refusedAt: now(), probedAt });
  };

  const next = (key: string): Task | null => {
    const line = byKey.get(key);
    const [first] = line?.tasks.values() ?? [];
    if (line === undefined || first === undefined) return null;
    line.tasks.delete(first.taskId);
    line.heldAt = now();
    keyOfTask.delete(first.taskId);
    if (line.tasks.size === 0) byKey.delete(key);
    return first;
  };

  return {
    get size() {
      return keyOfTask.size;
    },
    hold({ taskId, agent, tenant, concurrencyKey }) {
      if (concurrencyKey === null) return limit(agent, tenant);
      if (keyOfTask.size >= TASKS_MAX || keyOfTask.has(taskId)) return;
      const key = keyName(tenant, concurrencyKey);
      const line = byKey.get(key) ?? { tasks: new Map(), heldAt: now() };
      byKey.set(key, line);
      line.tasks.set(taskId, { taskId, agent });
      keyOfTask.set(taskId, key);
    },
    isHeld: (taskId) => keyOfTask.has(taskId),
    mayOffer(agent, name) {
      const tenant = tenantOf(agent, name);
      if (tenant === undefined) return true;
      if (tenant.credit === 0) return false;
      tenant.credit -= 1;
      return true;
    },
    credit: (agent, name) => tenantOf(agent, name)?.credit ?? Infinity,
    tenants: (agent) =>
      [...(limited.get(agent)?.keys() ?? [])].filter((name) => (tenantOf(agent, name)?.credit ?? 1) === 0),
    freed({ agent, tenant: name, concurrencyKey }) {
      const tenant = tenantOf(agent, name);
      if (tenant !== undefined) tenant.credit = Math.min(CREDIT_MAX, tenant.credit + 1);
      return {
        next: concurrencyKey === null ? null : next(keyName(name, concurrencyKey)),
        isLimited: tenant !== undefined,
      };
    },
    passed: (tenant, concurrencyKey) => next(keyName(tenant, concurrencyKey)),
    takeOverdue: () =>
      [...byKey]
        .flatMap(([key, line]) => (now() - line.heldAt < KEY_MS ? [] : [next(key)]))
        .filter((task) => task !== null),
  };
}

function keyName(tenant: string, concurrencyKey: string): string {
  return JSON.stringify([tenant, concurrencyKey]);
}
