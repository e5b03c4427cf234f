import type { Assigned, Claim } from '@morningai/rpc/worker';
import { expect, test } from 'vitest';
import { defineAgent, NotRetryable, type AgentLog, type InputSchema } from './agent.ts';
import { runAttempt } from './attempt.ts';

const claim: Claim = { task: '01a00000-0000-7000-8000-000000000000', fence: 1 };
const assigned: Assigned & { readonly claim: Claim } = {
  claim,
  agent: 'pay',
  agentVersion: '1',
  inputJson: '{}',
  tenant: 'default',
  labels: {},
  stepCount: 0,
  deadline: undefined,
  timeout: undefined,
};
const ANYTHING: InputSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value }),
    jsonSchema: { input: () => ({}), output: () => ({}) },
  },
};
const log: AgentLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('a task that is cancelled while the intent of an effect is recorded does not have the effect', async () => {
  const effects: string[] = [];
  const agent = defineAgent({
    name: 'pay',
    version: '1',
    input: ANYTHING,
    run: (ctx) => ctx.step('transfer', async ({ key }) => effects.push(key), { effect: true }),
  });
  const cancel = new AbortController();
  const outcome = await runAttempt({
    agent,
    assigned,
    signal: cancel.signal,
    log,
    record: async (key) => {
      if (key.startsWith('intent/')) cancel.abort(new NotRetryable('TASK_CANCELLED', 'not needed any more'));
    },
    tell: () => undefined,
    readSteps: async () => [],
  });
  expect(effects).toEqual([]);
  expect(outcome).toMatchObject({ $case: 'failed', value: { failure: { code: 'TASK_CANCELLED' } } });
});
