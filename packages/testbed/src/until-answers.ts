import { eventually } from './eventually.ts';
import type { Answer } from './probes/answer.ts';

/** Probes until there is an answer. `giveUp` answers the error that makes further tries pointless. */
export async function untilAnswers(
  probe: () => Promise<Answer>,
  options: { deadlineMs: number; giveUp?: () => Error | undefined },
): Promise<Answer> {
  const result = await eventually(
    async () => {
      const hopeless = options.giveUp?.();
      return hopeless ?? (await probe());
    },
    { deadlineMs: options.deadlineMs, everyMs: 20 },
  );
  if (result instanceof Error) throw result;
  return result;
}
