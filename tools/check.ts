// Everything a machine can check, in under a minute: format, lint, types, dead code, protos, generated code, pure tests and docs tests.
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: only } = parseArgs({
  options: {
    /** For whoever runs all tests next. */
    'without-tests': { type: 'boolean', default: false },
  },
});

type Check = { name: string; run: () => Promise<{ ok: boolean; output: string }> };

const checks: Check[] = [
  command('format', 'prettier', ['--check', '--log-level', 'warn', '.']),
  command('lint', 'oxlint', ['--type-aware', '--quiet', '.']),
  command('types', 'tsc', ['-p', 'tsconfig.json']),
  command('dead code', 'knip', ['--no-progress']),
  command('proto', 'buf', ['lint'], 'proto'),
  { name: 'generated code', run: generatedCode },
  ...(only['without-tests']
    ? []
    : [command('pure and docs tests', 'vitest', ['run', '--project', 'pure', '--reporter', 'dot'])]),
];

let failed = 0;
// Two at a time: the machine has two cores.
const waiting = [...checks];
await Promise.all(
  [0, 1].map(async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const began = performance.now();
      const { ok, output } = await check.run();
      if (!ok) failed += 1;
      console.log(`${ok ? '✓' : '✗'} ${check.name} (${((performance.now() - began) / 1_000).toFixed(1)} s)`);
      if (!ok) console.log(output);
    }
  }),
);
console.log(failed === 0 ? 'check: all good' : `check: ${failed} of ${checks.length} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function command(name: string, program: string, args: readonly string[], cwd = '.'): Check {
  return { name, run: () => execute(program, args, cwd) };
}

function execute(program: string, args: readonly string[], cwd: string): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', (error) => resolve({ ok: false, output: error.message }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/** Generates into a copy and compares: the tree itself is left alone. */
async function generatedCode(): Promise<{ ok: boolean; output: string }> {
  const copy = await mkdtemp(join(tmpdir(), 'morningai-generated-'));
  try {
    await cp('proto', join(copy, 'proto'), { recursive: true });
    const generated = await execute('buf', ['generate', '--template', 'buf.gen.yaml', '.'], join(copy, 'proto'));
    if (!generated.ok) return generated;
    const compared = await execute('diff', ['-r', join(copy, 'packages/rpc/src/gen'), 'packages/rpc/src/gen'], '.');
    const hint = 'packages/rpc/src/gen is not what proto/ generates: run npx pnpm@12 generate\n';
    return compared.ok ? compared : { ok: false, output: hint + compared.output };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
