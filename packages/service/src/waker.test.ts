import { expect, test } from 'vitest';
import { createWaker } from './waker.ts';

const HOUR_MS = 3_600_000;
const never = new AbortController().signal;

test('a sleeper is woken, and a wake before the sleep is not lost', async () => {
  const waker = createWaker();
  const sleeping = waker.sleep(HOUR_MS, never);
  waker.wake();
  await sleeping;
  waker.wake();
  await waker.sleep(HOUR_MS, never);
});

test('an abort ends the sleep, also one from before', async () => {
  const waker = createWaker();
  const abort = new AbortController();
  const sleeping = waker.sleep(HOUR_MS, abort.signal);
  abort.abort();
  await sleeping;
  await waker.sleep(HOUR_MS, abort.signal);
});

test('a sleep ends by itself', async () => {
  await expect(createWaker().sleep(1, never)).resolves.toBeUndefined();
});
