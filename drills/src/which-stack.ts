/** On what a drill is run: a stack of its own, or one that was started for it. */
import { AppError } from '@morningai/core/errors';
import type { Command } from 'commander';
import { attachStack } from './attached-stack.ts';
import { openDrillStack, type DrillStack, type DrillStackOptions } from './drill-stack.ts';

export type StackChoice = { readonly stack?: string; readonly iKnow?: boolean };

export function addStackOptions(command: Command): Command {
  return command
    .option('--stack <folder>', 'hurt the stack that was started there, and not one of its own')
    .option(
      '--i-know',
      'also one that was not started with --for-drills: its servers are killed, its Redis is emptied',
    );
}

/** @throws AppError of attachStack */
export function openChosenStack({ stack, iKnow }: StackChoice, options: DrillStackOptions): Promise<DrillStack> {
  return stack === undefined ? openDrillStack(options) : attachStack({ folder: stack, iKnow: iKnow ?? false });
}

type Named = { readonly name: string; readonly needsOwnStack?: true };

/** @throws AppError COMPONENT_FAULT_REFUSED: not all of them may be done to that stack */
export function refuseUnlessAllowed({ stack }: StackChoice, faults: readonly Named[]): void {
  const refused = faults.filter(({ needsOwnStack }) => needsOwnStack).map(({ name }) => name);
  if (stack === undefined || refused.length === 0) return;
  throw new AppError('COMPONENT_FAULT_REFUSED', `only on a stack of its own: ${refused.join(', ')}`);
}
