import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** On real servers. */
const INTEGRATION = {
  // Tests start hundreds of processes. Most of what a short one does is to compile the same files again.
  env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node', import.meta.url)) },
  exclude: ['**/node_modules/**'],
  globalSetup: ['./packages/testbed/src/vitest-setup.ts'],
  testTimeout: 180_000,
  // How long what is promised may take on a machine that is busy with other things.
  expect: { poll: { timeout: 15_000 } },
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    // Most of what integration tests do is wait, for leases, time-outs, servers: more of them at once than a small machine has cores.
    maxWorkers: 4,
    projects: [
      {
        test: {
          name: 'pure',
          include: ['**/*.test.ts'],
          exclude: ['**/*.int.test.ts', '**/*.fault.test.ts', '**/node_modules/**'],
          // They leave nothing behind; a process for each of them would cost more than the tests.
          isolate: false,
          // Properties take seconds on a machine that is busy with other things.
          testTimeout: 60_000,
        },
      },
      { test: { ...INTEGRATION, name: 'integration', include: ['**/*.int.test.ts'] } },
      // Minutes of faults, which hurt in the same way whoever started the servers: .ci/run has them once, on processes.
      { test: { ...INTEGRATION, name: 'faults', include: ['**/*.fault.test.ts'] } },
    ],
  },
});
