import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { TestbedError } from '../errors.ts';

const LINES_SHOWN = 20;

/** Runs a program quietly. On failure the error has its last lines. `onLine` sees what it writes as it comes. */
export async function runTool(
  file: string,
  args: readonly string[],
  options: {
    cwd?: string;
    env?: Record<string, string>;
    signal?: AbortSignal | undefined;
    onLine?: (line: string) => void;
  } = {},
): Promise<void> {
  const child = spawn('env', ['DEBIAN_FRONTEND=noninteractive', ...pairs(options.env), file, ...args], {
    ...(options.cwd && { cwd: options.cwd }),
    ...(options.signal && { signal: options.signal }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      options.onLine?.(line);
      lines.push(line);
      if (lines.length > LINES_SHOWN) lines.shift();
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) {
    throw new TestbedError('FETCH_FAILED', `${file} failed with ${code ?? 'a signal'}:\n${lines.join('\n')}`);
  }
}

function pairs(env: Record<string, string> = {}): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
