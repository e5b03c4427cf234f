/**
 * Tells the leader of every change of a task, whoever wrote it. What this process wrote it hears from its own writer, without reading it back;
 * the positions of the log are dense, so a hole says exactly what others wrote, and that is read. Nothing is told twice, nothing is left out.
 */
import type { Pool } from '@morningai/log/pool';
import { readHead } from '@morningai/log/read';
import type { Written } from '@morningai/log/task-writer';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import { followTasks, type TaskChange } from '../store/follow-tasks.ts';

const POLL_MS = 100;
const PAGE = 2_000;
/** Own commits that were told out of order: two batches are on their way at most, of 500 commands each. */
const HELD_MAX = 10_000;

export type LogFollower = {
  /** A commit of this process. */
  wrote(written: Written): void;
  /** From now on: what is recorded behind the head of this moment is told. */
  begin(): Promise<void>;
  /** Nobody wants to know any more. */
  end(): void;
  close(): Promise<void>;
};

export type LogFollowerParts = {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly onWritten: (written: Written) => void;
  /** What others wrote, in order. */
  readonly onChanges: (changes: readonly TaskChange[]) => void;
};

export function startLogFollower(parts: LogFollowerParts): LogFollower {
  const { pool, logger, onWritten, onChanges } = parts;
  const stop = new AbortController();
  const waker = createWaker();
  /** Everything up to here was told; null: nobody asks. */
  let told: number | null = null;
  /** Of own commits, what is behind a hole. */
  const held = new Set<number>();
  /** `told` as it was at the last look. */
  let before: number | null = null;

  const advance = () => {
    while (told !== null && held.delete(told + 1)) told += 1;
  };

  const catchUp = async () => {
    // While own commits join on, nobody else has written.
    const moved = told !== before;
    before = told;
    if (moved || told === null) return;
    const { head } = await readHead(pool);
    while (told !== null && told < head && !stop.signal.aborted) {
      const page: TaskChange[] = await followTasks(pool, told, PAGE);
      const last = page.at(-1)?.position;
      if (last === undefined) return;
      onChanges(page.filter(({ position }) => !held.has(position)));
      told = last;
      for (const position of held) if (position <= last) held.delete(position);
      advance();
    }
    before = told;
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      await waker.sleep(POLL_MS, stop.signal);
      await catchUp().catch((error: unknown) => logger.debug({ why: reason(error) }, 'log not followed'));
    }
  };
  const running = run();

  return {
    wrote(written) {
      const news = told === null ? [] : written.positions.filter((position) => position > (told ?? 0));
      if (news.length === 0) return;
      onWritten(written);
      // Beyond the bound it is read and told once more: harmless.
      if (held.size < HELD_MAX) for (const position of news) held.add(position);
      advance();
    },
    async begin() {
      const { head } = await readHead(pool);
      held.clear();
      told = head;
    },
    end() {
      told = null;
      held.clear();
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}
