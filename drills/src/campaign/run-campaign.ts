/** Schedule after schedule on a kept stack. One that fails gets the next a stack of its own: what it left behind is not theirs. */
import { openDrillHosts, type DrillHosts } from '../drill-hosts.ts';
import type { DrillStack } from '../drill-stack.ts';
import type { Nemesis } from '../nemeses/nemesis.ts';
import { startSecondOrchestrator } from '../second-orchestrator.ts';
import { drawSchedule } from './draw-schedule.ts';
import { reportOf } from './report-of.ts';
import { runSchedule, type ScheduleReport } from './run-schedule.ts';

export type CampaignParts = {
  readonly nemeses: readonly Nemesis[];
  readonly callers: number;
  /** 2: a second one beside that of the stack; the drill's own workers are spread over both. */
  readonly orchestrators: 1 | 2;
  readonly openStack: () => Promise<DrillStack>;
  /** For the histories; undefined: they are not kept. */
  readonly folder: string | undefined;
  readonly signal: AbortSignal;
};

type Ground = AsyncDisposable & { readonly stack: DrillStack; readonly hosts: DrillHosts };

/** A report for each seed, as it comes. @throws the signal's reason, or what kept a stack from being opened; all is healed and closed then */
export async function* runCampaign(seeds: Iterable<number>, parts: CampaignParts): AsyncGenerator<ScheduleReport> {
  const { nemeses, callers, folder, signal } = parts;
  let ground: Ground | undefined;
  try {
    for (const seed of seeds) {
      signal.throwIfAborted();
      const schedule = drawSchedule(seed, nemeses, { callers });
      ground ??= await openGround(parts);
      let report: ScheduleReport;
      try {
        report = await runSchedule(schedule, { ...ground, folder, signal });
      } catch (error) {
        signal.throwIfAborted();
        const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
        report = reportOf({ seed, emptyPass: [`it could not be run to its end: ${why}`] });
      }
      if (!isPass(report)) {
        await ground[Symbol.asyncDispose]();
        ground = undefined;
      }
      yield report;
    }
  } finally {
    await ground?.[Symbol.asyncDispose]();
  }
}

export function isPass({ violations, emptyPass }: ScheduleReport): boolean {
  return violations.length === 0 && emptyPass.length === 0;
}

async function openGround({ openStack, orchestrators }: CampaignParts): Promise<Ground> {
  const resources = new AsyncDisposableStack();
  try {
    const stack = resources.use(await openStack());
    const addresses = [stack.urls.orchestratorAddress];
    if (orchestrators === 2) addresses.push(resources.use(await startSecondOrchestrator({ stack })).address);
    const hosts = resources.use(await openDrillHosts(stack, addresses));
    return { stack, hosts, [Symbol.asyncDispose]: () => resources.disposeAsync() };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}
