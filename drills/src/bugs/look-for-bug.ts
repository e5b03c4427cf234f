/** Runs schedules in a tree until one shows a violation, by the tree's own programs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bug } from './bug.ts';

export type Look = {
  /** Schedules that were run until the first violation, that one among them; null: none showed one. */
  readonly after: number | null;
  readonly violation: string;
};

export type LookOptions = {
  readonly root: string;
  readonly seed: number;
  /** At most. */
  readonly schedules: number;
  /** Only these count; undefined: any. */
  readonly invariants: readonly string[] | undefined;
  readonly signal: AbortSignal;
};

const OUTPUT_MAX = 20_000;
/** Of a simulated schedule: then it is about as much as a random drill. */
const CHAPTERS = 10;
const WATCH_MS = 500;
/** A drill that is interrupted heals and closes its stack. */
const CLOSE_MS = 60_000;

export const LOOKS: Readonly<Record<Bug['seenBy'], (options: LookOptions) => Promise<Look>>> = {
  simulation: lookBySimulation,
  drills: lookByDrills,
};

type Simulated = { readonly failed: readonly { readonly seed: number; readonly violations: readonly string[] }[] };

async function lookBySimulation({ root, seed, schedules, signal }: LookOptions): Promise<Look> {
  const size = ['--runs', String(schedules), '--chapters', String(CHAPTERS)];
  const wanted = [...size, '--seed', String(seed), '--threads', '1', '--no-shrink', '--json'];
  const child = start(root, 'simulation/src/main.ts', wanted, signal);
  const [code, { stdout, stderr }] = await Promise.all([ended(child), outputOf(child)]);
  signal.throwIfAborted();
  if (code !== 0 && code !== 1) throw new Error(`the simulation ended with ${code}: ${stderr}`);
  const [first] = (JSON.parse(stdout) as Simulated).failed;
  if (first === undefined) return { after: null, violation: '' };
  return { after: first.seed - seed + 1, violation: first.violations[0] ?? '' };
}

/** A line of the results that `drill random` writes as it goes. */
type Drilled = { readonly seed: number; readonly violations: readonly Violation[] };
type Violation = { readonly invariant: string; readonly text: string };

async function lookByDrills({ root, seed, schedules, invariants, signal }: LookOptions): Promise<Look> {
  const out = await mkdtemp(join(tmpdir(), 'morningai-bug-results-'));
  try {
    const wanted = ['random', '--schedules', String(schedules), '--seed', String(seed), '--out', out, '--json'];
    const child = start(root, 'drills/src/main.ts', wanted, signal);
    const output = outputOf(child);
    const end = ended(child);
    const isOver = end.then(() => true);
    const results = join(out, `random-${seed}.jsonl`);
    for (let over = false; !over;) {
      over = await Promise.race([isOver, delay(WATCH_MS, false)]);
      const reports = await readResults(results);
      const seen = reports.map(({ violations }) =>
        violations.find(({ invariant }) => invariants === undefined || invariants.includes(invariant)),
      );
      const index = seen.findIndex((violation) => violation !== undefined);
      const violation = seen[index];
      if (violation === undefined) continue;
      if (!over) await interrupt(child, end);
      return { after: index + 1, violation: `${violation.invariant}: ${violation.text}` };
    }
    signal.throwIfAborted();
    const code = await end;
    if (code !== 0 && code !== 1) throw new Error(`the drills ended with ${code}: ${(await output).stderr}`);
    return { after: null, violation: '' };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function readResults(path: string): Promise<readonly Drilled[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Drilled]));
}

function start(root: string, program: string, wanted: readonly string[], signal: AbortSignal): ChildProcess {
  const child = spawn(process.execPath, [program, ...wanted], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const onAbort = () => void interrupt(child, ended(child));
  signal.addEventListener('abort', onAbort, { once: true });
  child.once('exit', () => signal.removeEventListener('abort', onAbort));
  return child;
}

async function interrupt(child: ChildProcess, end: Promise<unknown>): Promise<void> {
  child.kill('SIGINT');
  const closed = new AbortController();
  const late = delay(CLOSE_MS, undefined, { signal: closed.signal }).then(
    () => void child.kill('SIGKILL'),
    () => undefined,
  );
  await Promise.race([end, late]);
  closed.abort();
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

/** All of its results, and the end of what it told. */
async function outputOf(child: ChildProcess): Promise<{ readonly stdout: string; readonly stderr: string }> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-OUTPUT_MAX)));
  await once(child, 'close');
  return { stdout, stderr };
}
