/** SIGKILL and SIGSTOP, for whatever has processes. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ComponentName } from '@morningai/cli/stack/component';
import { markChange, type Nemesis, type Target } from './nemesis.ts';

type Fate = Pick<Nemesis, 'row' | 'lastsMs' | 'isDown' | 'mayExpire'>;

export function killed(name: ComponentName & Target, fate: Fate): Nemesis {
  return {
    name: `${name}-killed`,
    what: `${name} is killed with SIGKILL, and started again`,
    target: name,
    ...fate,
    async inject({ stack, mark, onHeal }) {
      const component = stack.component(name);
      const before = stack.idOf(name);
      onHeal(async () => {
        await component.start();
        markChange({ mark }, name, before, stack.idOf(name));
      });
      await component.kill();
    },
  };
}

const DOWN_MS = { least: 50, most: 400 } as const;
const UP_MS = { least: 300, most: 1_200 } as const;

/** A crash loop: what was acknowledged between two of its ends must be there after the second. */
export function killedAgain(name: ComponentName & Target, fate: Fate): Nemesis {
  return {
    name: `${name}-killed`,
    what: `${name} is killed with SIGKILL and started at once, again and again`,
    target: name,
    isFrequent: true,
    ...fate,
    async inject({ stack, random, signal, forMs, mark, onHeal }) {
      const component = stack.component(name);
      const between = ({ least, most }: typeof DOWN_MS | typeof UP_MS) => least + random() * (most - least);
      const before = stack.idOf(name);
      onHeal(async () => {
        if (component.state !== 'running') await component.start();
        markChange({ mark }, name, before, stack.idOf(name));
      });
      const until = performance.now() + forMs;
      for (let first = true; first || performance.now() < until; first = false) {
        await component.kill();
        await delay(between(DOWN_MS), undefined, { signal });
        await component.start();
        await delay(between(UP_MS), undefined, { signal });
      }
    },
  };
}

export function frozen(name: ComponentName & Target, fate: Fate): Nemesis {
  return {
    name: `${name}-frozen`,
    what: `${name} is stopped in its tracks (SIGSTOP), and goes on`,
    target: name,
    ...fate,
    async inject({ stack, mark, onHeal }) {
      const component = stack.component(name);
      onHeal(async () => {
        if (component.state === 'frozen') await component.thaw();
      });
      await component.freeze();
      mark({ what: name, before: 'running', after: component.state, left: component.state === 'frozen' });
    },
  };
}
