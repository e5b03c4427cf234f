/** `morningai`: every command, and what its exit code means: 0 good, 1 the answer is bad, 2 usage, 3 could not find out. */
import process from 'node:process';
import { AppError } from '@morningai/core/errors';
import { ClientError } from '@morningai/sdk';
import { TestbedError } from '@morningai/testbed/errors';
import { Command, CommanderError } from 'commander';
import { ZodError } from 'zod';
import { addAgents } from './commands/agents.ts';
import { addCancel } from './commands/cancel.ts';
import { addDemo } from './commands/demo.ts';
import { addEvents } from './commands/events.ts';
import { addFailed } from './commands/failed.ts';
import { addRetry } from './commands/retry.ts';
import { addReplay } from './commands/replay.ts';
import { addQueue } from './commands/queue.ts';
import { addStack } from './commands/stack.ts';
import { addStart } from './commands/start.ts';
import { addSubmit } from './commands/submit.ts';
import { addTask } from './commands/task.ts';
import { addTasks } from './commands/tasks.ts';
import { addVerify } from './commands/verify.ts';
import { addWatch } from './commands/watch.ts';
import { addWhy } from './commands/why.ts';
import { addWorkers } from './commands/workers.ts';

export const EXIT = { good: 0, bad: 1, usage: 2, unknown: 3, interrupted: 130 } as const;

export type Program = { run(argv: readonly string[]): Promise<number> };

export function createProgram(): Program {
  const program = new Command('morningai')
    .description('Background work for AI agents that does not stop, lose, or repeat anything when Redis dies.')
    .option('--folder <path>', "the stack's folder", '.morningai')
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .enablePositionalOptions();
  let exitCode: number = EXIT.good;
  const done = (code: number) => void (exitCode = code);

  for (const add of [
    addDemo,
    addStart,
    addStack,
    addSubmit,
    addTasks,
    addTask,
    addWatch,
    addEvents,
    addWhy,
    addAgents,
    addVerify,
    addReplay,
    addWorkers,
    addQueue,
  ]) {
    add(program, done);
  }
  for (const add of [addFailed, addRetry, addCancel]) add(program, done);
  for (const command of program.commands) command.exitOverride().showHelpAfterError('(see --help)');

  return {
    async run(argv) {
      try {
        await program.parseAsync([...argv]);
        return exitCode;
      } catch (error) {
        return exitCodeOf(error);
      }
    },
  };
}

/** What a command tells its exit code with. */
export type Done = (code: number) => void;

function exitCodeOf(error: unknown): number {
  // Commander has said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.good : EXIT.usage;
  if (error instanceof Error && error.name === 'AbortError') return EXIT.interrupted;
  if (error instanceof AppError || error instanceof ClientError || error instanceof TestbedError) {
    process.stderr.write(`${error.code}: ${error.message}\n`);
    return isUsage(error.code) ? EXIT.usage : EXIT.unknown;
  }
  if (error instanceof ZodError) {
    process.stderr.write(`stack.json cannot be read: ${error.message}\n`);
    return EXIT.unknown;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.unknown;
}

const USAGE: ReadonlySet<string> = new Set([
  'REQUEST_INVALID',
  'INPUT_INVALID',
  'AGENT_UNKNOWN',
  'TASK_NOT_FOUND',
  'TASK_FINISHED',
  'TASK_NOT_FAILED',
  'NOTHING_MATCHED',
  'CONFIG_INVALID',
  'UNAUTHENTICATED',
  'BACKEND_NOT_OURS',
  'COMPONENT_DOWN',
  'COMPONENT_FAULT_REFUSED',
  'QUEUE_URL_INVALID',
  'QUEUE_TARGET_UNREACHABLE',
  'QUEUE_TARGET_REFUSES',
  'QUEUE_TARGET_EVICTS',
  'QUEUE_TARGET_UNFIT',
  'QUEUE_TARGET_TAKEN',
  'QUEUE_ALREADY_THERE',
  'QUEUE_MOVE_RUNNING',
]);

function isUsage(code: string): boolean {
  return USAGE.has(code);
}
