/** What the proxy in front of a backend does to the bytes that pass. */
import type { Component } from '@morningai/testbed';
import type { Proxy } from '@morningai/testbed/proxy';
import { markRise, untilFelt, type Nemesis } from './nemesis.ts';

type Fate = Pick<Nemesis, 'row' | 'lastsMs' | 'isDown'>;
/** @param draw 0 to 1 */
type Fault = (proxy: Proxy, draw: () => number) => void;
type Count = 'swallowedBytes' | 'resets' | 'halfReplies' | 'delayedBytes';

function onTheWire(component: Component, kind: string, what: string, fault: Fault, count: Count, fate: Fate): Nemesis {
  return {
    name: `${component}-${kind}`,
    what,
    target: component,
    mayExpire: false,
    needsOwnStack: true,
    ...fate,
    async inject({ stack, random, signal, mark, onHeal }) {
      const proxy = stack.proxies[component];
      const before = proxy.marks[count];
      onHeal(async () => {
        markRise({ mark }, `${count} at the proxy of ${component}`, before, proxy.marks[count]);
        proxy.pass();
      });
      fault(proxy, random);
      await untilFelt({ signal }, () => proxy.marks[count], before);
    },
  };
}

export function partitioned(component: Component, fate: Fate): Nemesis {
  const what = `${component} is cut off silently: bytes are swallowed, connections stay open`;
  return onTheWire(component, 'partition', what, (proxy) => proxy.blackHole(), 'swallowedBytes', fate);
}

export function reset(component: Component, fate: Fate): Nemesis {
  const what = `every connection to ${component} is reset, again and again`;
  return onTheWire(component, 'reset', what, (proxy) => proxy.reset(), 'resets', fate);
}

export function halfReplied(component: Component, fate: Fate): Nemesis {
  const what = `of what ${component} answers only the first bytes arrive, then the connection ends`;
  const fault: Fault = (proxy, draw) => proxy.halfReply(Math.floor(draw() * 2_000));
  return onTheWire(component, 'half-reply', what, fault, 'halfReplies', fate);
}

const SLOW_MS = { least: 50, most: 500 } as const;

/** Both ways: a command takes twice as long. */
export function slow(component: Component, fate: Fate): Nemesis {
  const what = `${component} answers ${SLOW_MS.least} to ${SLOW_MS.most} ms later`;
  const fault: Fault = (proxy, draw) => proxy.latency((SLOW_MS.least + draw() * (SLOW_MS.most - SLOW_MS.least)) / 2);
  return onTheWire(component, 'slow', what, fault, 'delayedBytes', fate);
}
