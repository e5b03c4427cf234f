/** A stack that somebody has started, hurt by a drill. Its services reach their backends without a proxy. */
import { join } from 'node:path';
import { askStatus, order, type Report } from '@morningai/cli/stack/ask-control';
import type { Action, ComponentName, StackComponent } from '@morningai/cli/stack/component';
import { readStackFile, type StackFile } from '@morningai/cli/stack/stack-file';
import { AppError } from '@morningai/core/errors';
import { openPool } from '@morningai/log/pool';
import { looksBehind, type DrillStack } from './drill-stack.ts';

export type AttachOptions = {
  /** In which it was started. */
  readonly folder: string;
  /** It was not started for drills, and is to be hurt all the same. */
  readonly iKnow: boolean;
};

/** @throws AppError CONFIG_INVALID: none runs there; COMPONENT_FAULT_REFUSED: it is not for drills; STACK_UNREACHABLE */
export async function attachStack({ folder, iKnow }: AttachOptions): Promise<DrillStack> {
  const urls = await readStackFile(folder);
  if (urls === null)
    throw new AppError('CONFIG_INVALID', `no stack runs in ${folder}: start one with "npx pnpm@12 start --for-drills"`);
  if (urls.isForDrills !== true && !iKnow)
    throw new AppError(
      'COMPONENT_FAULT_REFUSED',
      `the stack in ${folder} was not started with --for-drills: its servers would be killed and Redis emptied. Say --i-know`,
    );
  const reports = new Map((await askStatus(urls)).map((report) => [report.name, report]));
  const components = new Map([...reports.keys()].map((name) => [name, remote(name, urls, reports)]));
  const component = (name: ComponentName) => {
    const found = components.get(name);
    if (found === undefined) throw new Error(`no component ${name}`);
    return found;
  };
  const pool = openPool({ url: urls.databaseUrl, name: 'drill' });
  return {
    isOwn: false,
    group: null,
    versions: `the stack in ${folder}`,
    get proxies(): never {
      throw new AppError('COMPONENT_FAULT_REFUSED', 'this stack has no proxies before its backends');
    },
    ...looksBehind({ urls, pool, component, logFolder: join(folder, 'logs') }),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** As its owner said after the last order. */
function remote(name: ComponentName, urls: StackFile, reports: Map<ComponentName, Report>): StackComponent {
  const act = (action: Action) => async () => {
    reports.set(name, await order(urls, action, name));
  };
  return {
    name,
    get state() {
      return reports.get(name)?.state ?? 'down';
    },
    get entry() {
      return reports.get(name)?.process ?? null;
    },
    start: act('start'),
    kill: act('kill'),
    wipe: act('wipe'),
    freeze: act('freeze'),
    thaw: act('thaw'),
  };
}
