import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most of what integration tests do is wait: for leases, time-outs, servers. Three keep two cores busy.
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: 'pure',
          include: ['**/*.test.ts'],
          exclude: ['**/*.int.test.ts', '**/node_modules/**'],
          // Properties take seconds on a machine that is busy with other things.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['**/*.int.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['./packages/testbed/src/vitest-setup.ts'],
          testTimeout: 180_000,
          // How long what is promised may take on a machine that is busy with other things.
          expect: { poll: { timeout: 15_000 } },
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
