import { COMPONENT_NAMES } from '@morningai/cli/stack/component';
import type { DrillStack } from './drill-stack.ts';

/** Whatever a drill that was cut short has left down or frozen runs again. What is well is left alone. */
export async function healComponents(stack: DrillStack): Promise<void> {
  const ill = COMPONENT_NAMES.map((name) => stack.component(name)).filter(
    ({ state }) => state === 'down' || state === 'frozen',
  );
  const healed = await Promise.allSettled(ill.map((component) => component.start()));
  const { servers = [], sentinels = [] } = stack.group ?? {};
  for (const server of [...servers, ...sentinels]) {
    if (server.running !== undefined) await server.thaw();
    await server.start();
  }
  for (const one of healed) if (one.status === 'rejected') throw one.reason;
}
