import { AppError } from '@morningai/core/errors';
import type { Task } from '@morningai/rpc/tasks';
import { expect, test } from 'vitest';
import { originalError, originalQuestion, originalTask } from './original.ts';

const at = new Date('2026-11-23T06:00:00Z');
const task: Task = {
  id: '01939d3a-0000-7000-8000-000000000000',
  tenant: 'default',
  agent: 'faq',
  status: 'queued',
  inputJson: '{"question":"What is Phase 10?"}',
  outputJson: '',
  error: undefined,
  attempt: 0,
  failures: 0,
  maxAttempts: 8,
  priority: 2,
  labels: {},
  lane: '',
  createdAt: at,
  dueAt: at,
  startedAt: undefined,
  finishedAt: undefined,
  version: 1,
  life: 1,
  updatedAt: at,
  expiresAt: undefined,
};

test('a task has the fields that the original gave', () => {
  expect(originalTask(task)).toEqual({
    task_id: task.id,
    status: 'queued',
    trace_id: task.id,
    question: 'What is Phase 10?',
    pr_url: null,
    error_msg: null,
    created_at: '2026-11-23T06:00:00.000Z',
    started_at: null,
    finished_at: null,
    updated_at: '2026-11-23T06:00:00.000Z',
  });
});

test.each([
  ['scheduled', 'queued'],
  ['queued', 'queued'],
  ['running', 'running'],
  ['waiting', 'running'],
  ['completed', 'done'],
  ['failed', 'error'],
  ['cancelled', 'error'],
])('%s is called %s there', (status, original) => {
  expect(originalTask({ ...task, status }).status).toBe(original);
});

test.each([
  ['{"publishedTo":"https://github.com/o/r/pull/1"}', 'https://github.com/o/r/pull/1'],
  ['{"publishedTo":"docs/faq/what.md"}', null],
  ['{"publishedTo":null}', null],
  ['"text"', null],
  ['', null],
])('the output %s has the pull request %s', (outputJson, url) => {
  expect(originalTask({ ...task, outputJson }).pr_url).toBe(url);
});

test('a failure is told in its own words', () => {
  const failed = { ...task, status: 'failed', error: { code: 'NO_MODEL', message: 'no model answers' } };
  expect(originalTask(failed).error_msg).toBe('no model answers');
});

test('a question is stripped, and a blank one refused', () => {
  expect(originalQuestion.parse({ question: '  如何分析錯誤日誌？ ' })).toEqual({ question: '如何分析錯誤日誌？' });
  for (const bad of [
    {},
    { question: '' },
    { question: ' \t\n' },
    { question: 1 },
    { question: 'a'.repeat(100_000) },
    [],
    null,
  ]) {
    expect(originalQuestion.safeParse(bad).success).toBe(false);
  }
});

test.each([
  ['REQUEST_INVALID', 400, 'invalid_input'],
  ['BODY_NOT_JSON', 400, 'invalid_input'],
  ['TEXT_NOT_STORABLE', 400, 'invalid_input'],
  ['TASK_NOT_FOUND', 404, 'task_not_found'],
  ['STORE_UNAVAILABLE', 503, 'store_unavailable'],
] as const)('%s is %i %s there', (code, status, original) => {
  expect(originalError(new AppError(code, 'why'))).toEqual({
    status,
    body: { error: { code: original, message: 'why', details: null } },
  });
});
