import { performance } from 'node:perf_hooks';
import type { ListWorkersResponse } from '@morningai/rpc/system';
import type { Parts } from './parts.ts';

export function listWorkers({ roster }: Parts): ListWorkersResponse {
  const workers = roster.members.map((member) => {
    const seat = roster.seatOf(member);
    return {
      id: member.workerId,
      agents: [...member.agents].map(([name, version]) => ({ name, version })),
      slots: member.slots,
      taken: seat?.taken ?? 0,
      silent: seat?.resting.has('silent') ?? false,
      draining: seat?.resting.has('draining') ?? false,
      since: member.joinedAt,
      quiet: duration(performance.now() - member.heardAt),
    };
  });
  return { workers };
}

function duration(ms: number) {
  return { seconds: BigInt(Math.trunc(ms / 1_000)), nanos: Math.round((ms % 1_000) * 1e6) };
}
