/** What `morningai verify` does to Postgres, in a process of its own, as there. */
import process from 'node:process';
import { verifyDatabase } from '@morningai/cli/commands/verify';
import { serveLoad } from './serve-load.ts';

export type VerifyReply = {
  readonly events: number;
  readonly ms: number;
  /** Of this process; what Postgres takes is beside it. */
  readonly cpuMs: number;
  readonly rssBytes: number;
};

const KIB = 1_024;

serveLoad(({ url }: { url: string }) => async (): Promise<VerifyReply> => {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const { head } = await verifyDatabase(url);
  const { user, system } = process.cpuUsage(before);
  return {
    events: head,
    ms: performance.now() - startedAt,
    cpuMs: (user + system) / 1_000,
    rssBytes: process.resourceUsage().maxRSS * KIB,
  };
});
