import { storeUnavailable } from '@morningai/log/postgres-failure';
import { replayLog, type ReplayReport } from '@morningai/log/replay';
import type { CallContext } from '@morningai/rpc/server';
import type { ReplayReport as ReplayReportMessage, ReplayRequest, ReplayResponse } from '@morningai/rpc/system';
import type { RpcParts } from './parts.ts';

/** Ends with the caller: what is mended by then stays so. */
export async function* replay(
  parts: RpcParts,
  request: ReplayRequest,
  context: CallContext,
): AsyncGenerator<ReplayResponse> {
  const { dryRun } = request;
  const steps = replayLog(parts.pool, { dryRun, signal: AbortSignal.any([context.signal, parts.draining]) });
  try {
    for (;;) {
      const { done, value } = await steps.next().catch(storeUnavailable);
      if (done === true) {
        const { tables, examples, foreign } = value;
        parts.logger.info({ dryRun, tables, foreign, examples: examples.slice(0, 5) }, 'log replayed');
        if (!dryRun) parts.onReplayed();
        yield { step: { $case: 'report', value: reportMessage(value) } };
        return;
      }
      const { position, head } = value;
      yield { step: { $case: 'progress', value: { position: BigInt(position), head: BigInt(head) } } };
    }
  } finally {
    await steps.return(undefined as never);
  }
}

function reportMessage(report: ReplayReport): ReplayReportMessage {
  return {
    logIncarnation: report.incarnation,
    head: BigInt(report.head),
    dryRun: report.dryRun,
    tables: Object.entries(report.tables).map(([name, { missing, extra, different }]) => ({
      name,
      missing: BigInt(missing),
      extra: BigInt(extra),
      different: BigInt(different),
    })),
    foreign: BigInt(report.foreign),
    examples: [...report.examples],
  };
}
