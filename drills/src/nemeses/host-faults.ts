/** The workers that a drill hosts itself: their tasks have effects, and tell the outside world how far they have got. */
import type { Nemesis } from './nemesis.ts';

const HOSTS = { target: 'hosts', isDown: false, mayExpire: true } as const;

export const hostKilled: Nemesis = {
  ...HOSTS,
  name: 'worker-killed',
  row: 'W1',
  what: 'a worker in the middle of its tasks is killed with SIGKILL, and another is started',
  lastsMs: [200, 1_500],
  async inject({ hosts, mark, onHeal, signal }) {
    const host = await hosts.busy(signal);
    const before = host.pid;
    onHeal(async () => {
      const pid = await host.replace();
      mark({ what: 'worker', before: `pid ${before}`, after: `pid ${pid}`, left: pid !== before });
    });
    await host.kill();
  },
};

/** Longer than its lease (5 s) and what it had left of it. */
const PAST_THE_LEASE_MS = [7_000, 8_000] as const;

export const hostFrozen: Nemesis = {
  ...HOSTS,
  name: 'zombie',
  row: 'W2',
  what: 'a worker in the middle of its tasks is frozen past its leases, wakes, and goes on',
  lastsMs: PAST_THE_LEASE_MS,
  makesZombies: true,
  async inject({ hosts, mark, onHeal, signal }) {
    const host = await hosts.busy(signal);
    onHeal(async () => host.thaw());
    await host.freeze();
    mark({ what: `pid ${host.pid}`, before: 'running', after: 'frozen', left: true });
  },
};
