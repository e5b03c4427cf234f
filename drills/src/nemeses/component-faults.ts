/** SIGKILL and SIGSTOP, for whatever has processes. */
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
