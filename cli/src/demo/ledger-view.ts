/** What the demo shows while it runs: one block that is drawn again on a terminal, a line every second elsewhere. */
import process from 'node:process';

export type Look = {
  readonly seconds: number;
  readonly accepted: number;
  readonly completed: number;
  readonly open: number;
  readonly lane: 'queue' | 'log' | null;
  /** Null: unknown. */
  readonly tickets: number | null;
  readonly epoch: number | null;
  readonly redis: string;
  readonly perSecond: number;
};

export type View = {
  show(look: Look): void;
  /** A line that stays. */
  say(line: string): void;
};

const LINE_EVERY_MS = 1_000;
const BLOCK_EVERY_MS = 100;
const BAR_WIDTH = 40;

export function openView(output: NodeJS.WriteStream = process.stderr): View {
  const isTerminal = output.isTTY;
  let drawn = 0;
  let shownAt = -Infinity;

  const wipe = () => {
    if (drawn > 0) output.write(`\u001B[${drawn}A\u001B[J`);
    drawn = 0;
  };
  return {
    show(look) {
      if (performance.now() - shownAt < (isTerminal ? BLOCK_EVERY_MS : LINE_EVERY_MS)) return;
      shownAt = performance.now();
      if (!isTerminal) {
        output.write(`${lineOf(look)}\n`);
        return;
      }
      const block = blockOf(look);
      wipe();
      output.write(`${block.join('\n')}\n`);
      drawn = block.length;
    },
    say(line) {
      wipe();
      output.write(`· ${line}\n`);
    },
  };
}

export function lineOf({ seconds, accepted, completed, open, lane, tickets, epoch, redis, perSecond }: Look): string {
  const cells = [
    `${seconds.toFixed(0).padStart(3)} s`,
    `accepted ${String(accepted).padStart(5)}`,
    `completed ${String(completed).padStart(5)}`,
    `open ${String(open).padStart(5)}`,
    `${String(perSecond).padStart(4)}/s`,
    `${lane ?? '?'} lane`.padEnd(10),
    `tickets ${(tickets === null ? 'unknown' : String(tickets)).padStart(7)}`,
    `epoch ${epoch ?? '–'}`,
    `redis ${redis}`,
  ];
  return cells.join('  ');
}

function blockOf(look: Look): readonly string[] {
  const share = look.accepted === 0 ? 0 : look.completed / look.accepted;
  const done = Math.round(share * BAR_WIDTH);
  return [
    lineOf(look),
    `      ${'█'.repeat(done)}${'░'.repeat(BAR_WIDTH - done)} ${(share * 100).toFixed(0)} % completed`,
  ];
}
