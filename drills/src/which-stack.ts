/** On what a drill is run: a stack of its own, or one that was started for it. */
import { AppError } from '@morningai/core/errors';
import type { RedisFlavour } from '@morningai/testbed';
import { InvalidArgumentError, type Command } from 'commander';
import { attachStack } from './attached-stack.ts';
import { openDrillStack, type DrillStack, type DrillStackOptions } from './drill-stack.ts';

export type StackChoice = {
  readonly stack?: string;
  readonly iKnow?: boolean;
  /** Undefined: Redis, or what the stack that was started has. */
  readonly redis?: RedisFlavour;
};

export function addStackOptions(command: Command): Command {
  return command
    .option('--redis <server>', 'what stands in the place of Redis: redis, or valkey (default: redis)', flavour)
    .option('--stack <folder>', 'hurt the stack that was started there, and not one of its own')
    .option(
      '--i-know',
      'also one that was not started with --for-drills: its servers are killed, its Redis is emptied',
    );
}

/** @throws AppError of attachStack */
export function openChosenStack({ stack, iKnow, redis }: StackChoice, options: DrillStackOptions): Promise<DrillStack> {
  if (stack !== undefined) return attachStack({ folder: stack, iKnow: iKnow ?? false });
  return openDrillStack({ ...options, ...(redis && { redis }) });
}

function flavour(text: string): RedisFlavour {
  if (text !== 'redis' && text !== 'valkey') throw new InvalidArgumentError('must be redis or valkey');
  return text;
}

type Named = { readonly name: string; readonly needsOwnStack?: true };

/** @throws AppError CONFIG_INVALID: both name a Redis; COMPONENT_FAULT_REFUSED: not all of them may be done to that stack */
export function refuseUnlessAllowed({ stack, redis }: StackChoice, faults: readonly Named[]): void {
  if (stack !== undefined && redis !== undefined)
    throw new AppError('CONFIG_INVALID', '--redis: the stack that was started has its Redis already');
  const refused = faults.filter(({ needsOwnStack }) => needsOwnStack).map(({ name }) => name);
  if (stack === undefined || refused.length === 0) return;
  throw new AppError('COMPONENT_FAULT_REFUSED', `only on a stack of its own: ${refused.join(', ')}`);
}
