import { PassThrough } from 'node:stream';
import type { WorkerMessage } from '@morningai/rpc/worker';
import { expect, test } from 'vitest';
import { createInflow } from './inflow.ts';

type Message = NonNullable<WorkerMessage['message']>;

const claim = { task: '01a00000-0000-7000-8000-000000000000', fence: 1 };
const completed: Message = { $case: 'completed', value: { claim, outputJson: 'x'.repeat(256 * 1024) } };
const SOME = 64;
const MANY = 256;

function openStream() {
  const stream = new PassThrough({ objectMode: true }).resume();
  return { stream, said: createInflow(stream) };
}

test('a worker that says more than is recorded is not read on, and is when it was', async () => {
  const { stream, said } = openStream();
  const recordings = Array.from({ length: MANY }, () => Promise.withResolvers<void>());
  for (const { promise } of recordings.slice(0, SOME)) said(completed, promise);
  expect(stream.isPaused()).toBe(false);
  for (const { promise } of recordings.slice(SOME)) said(completed, promise);
  expect(stream.isPaused()).toBe(true);
  for (const { resolve } of recordings.slice(0, SOME)) resolve();
  await Promise.all(recordings.slice(0, SOME).map(({ promise }) => promise));
  expect(stream.isPaused()).toBe(true);
  for (const { resolve } of recordings) resolve();
  await Promise.all(recordings.map(({ promise }) => promise));
  expect(stream.isPaused()).toBe(false);
});

test('what could not be recorded is not waited for', async () => {
  const { stream, said } = openStream();
  const { promise, reject } = Promise.withResolvers<void>();
  for (let n = 0; n < MANY; n += 1) said(completed, promise);
  expect(stream.isPaused()).toBe(true);
  reject(new Error('refused'));
  await promise.catch(() => undefined);
  expect(stream.isPaused()).toBe(false);
});
