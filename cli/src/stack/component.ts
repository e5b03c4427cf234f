/** What may be hurt and brought back in a stack: one interface for its backends and its services. */
import { AppError } from '@morningai/core/errors';
import type { Backend } from '@morningai/testbed';
import { TestbedError } from '@morningai/testbed/errors';
import { freezeProcess, thawProcess } from '@morningai/testbed/freeze-process';
import type { Supervised } from './supervisor.ts';

export const COMPONENT_NAMES = [
  'postgres',
  'redis',
  'nats',
  'ingest',
  'orchestrator',
  'memory',
  'health',
  'agents',
] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];

export const ACTIONS = ['start', 'kill', 'wipe', 'freeze', 'thaw'] as const;
export type Action = (typeof ACTIONS)[number];

/** `elsewhere`: given by URL, and not ours to hurt. */
export type ComponentState = 'running' | 'frozen' | 'down' | 'elsewhere';
export type ProcessEntry = { readonly pid: number } | { readonly containerId: string };

/** Each action throws AppError BACKEND_NOT_OURS, COMPONENT_DOWN, COMPONENT_FAULT_REFUSED or BACKEND_START_FAILED. */
export type StackComponent = Readonly<Record<Action, () => Promise<void>>> & {
  readonly name: ComponentName;
  readonly state: ComponentState;
  /** Null while it is down, and for what runs elsewhere. */
  readonly entry: ProcessEntry | null;
};

/** @param onWiped called when a wiped one runs again */
export function backendComponent(backend: Backend, onWiped?: () => Promise<void>): StackComponent {
  let frozen: ProcessEntry | null = null;
  const { component: name } = backend;
  const isFrozen = () => frozen !== null && idOf(frozen) === idOf(backend.running);
  const bringBack = async () => {
    if (isFrozen()) await backend.thaw();
    frozen = null;
    await backend.start();
  };
  return {
    name,
    get state() {
      if (backend.provider === 'urls') return 'elsewhere';
      if (backend.running === undefined) return 'down';
      return isFrozen() ? 'frozen' : 'running';
    },
    get entry() {
      return backend.running ?? null;
    },
    start: () => coded(bringBack()),
    kill: () => coded(backend.kill()),
    wipe: () =>
      coded(
        (async () => {
          const ran = backend.running !== undefined;
          await backend.wipe();
          if (!ran) return;
          await bringBack();
          await onWiped?.();
        })(),
      ),
    freeze: () => coded(backend.freeze().then(() => void (frozen = backend.running ?? null))),
    thaw: () => coded(backend.thaw().then(() => void (frozen = null))),
  };
}

export function serviceComponent(service: Supervised): StackComponent {
  let frozen: number | null = null;
  const { name } = service;
  const pid = () => {
    if (service.pid === null) throw new AppError('COMPONENT_DOWN', `${name} does not run`);
    return service.pid;
  };
  const thaw = async () => {
    thawProcess(pid());
    frozen = null;
  };
  return {
    name,
    get state() {
      if (service.pid === null) return 'down';
      return service.pid === frozen ? 'frozen' : 'running';
    },
    get entry() {
      return service.pid === null ? null : { pid: service.pid };
    },
    async start() {
      if (service.pid !== null && service.pid === frozen) await coded(thaw());
      await service.start();
    },
    kill: () => service.kill(),
    async wipe() {
      throw new AppError('COMPONENT_FAULT_REFUSED', `${name} keeps nothing that could be wiped: kill it`);
    },
    freeze: () =>
      coded(
        (async () => {
          const target = pid();
          await freezeProcess(target);
          frozen = target;
        })(),
      ),
    thaw: () => coded(thaw()),
  };
}

function idOf(entry: ProcessEntry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  return 'pid' in entry ? String(entry.pid) : entry.containerId;
}

/** The testbed's errors, as those that docs/errors.md explains. */
async function coded(action: Promise<void>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (!(error instanceof TestbedError)) throw error;
    const { code, message } = error;
    if (code === 'BACKEND_NOT_OURS') throw new AppError(code, message, { cause: error });
    throw new AppError(code === 'BACKEND_DOWN' ? 'COMPONENT_DOWN' : 'BACKEND_START_FAILED', message, { cause: error });
  }
}
