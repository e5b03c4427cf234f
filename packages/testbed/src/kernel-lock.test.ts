import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lock, tryLock } from './kernel-lock.ts';

const MODULE = fileURLToPath(new URL('./kernel-lock.ts', import.meta.url));

test('a lock has one holder at a time', async () => {
  const name = randomUUID();
  const first = await lock(name);
  expect(await tryLock(name)).toBeUndefined();
  first.release();
  const second = await tryLock(name);
  expect(second).toBeDefined();
  second?.release();
});

test('who waits is told once, and gets the lock when it is released', async () => {
  const name = randomUUID();
  const first = await lock(name);
  const { promise: waiting, resolve } = Promise.withResolvers<void>();
  let told = 0;
  const second = lock(name, { onWait: () => resolve(void (told += 1)) });
  await waiting;
  first.release();
  (await second).release();
  expect(told).toBe(1);
});

test('many who wait each get it in turn', async () => {
  const name = randomUUID();
  let holders = 0;
  const once = async () => {
    const held = await lock(name);
    expect((holders += 1)).toBe(1);
    await new Promise(setImmediate);
    holders -= 1;
    held.release();
  };
  await Promise.all(Array.from({ length: 8 }, once));
});

test('a holder that is killed with SIGKILL leaves no lock', async () => {
  const name = randomUUID();
  const script = `await (await import('${MODULE}')).lock('${name}'); console.log('held'); setInterval(() => {}, 60_000)`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  expect(await tryLock(name)).toBeUndefined();
  const { promise: waiting, resolve } = Promise.withResolvers<void>();
  const next = lock(name, { onWait: resolve });
  await waiting;
  holder.kill('SIGKILL');
  (await next).release();
});

test('waiting can be given up', async () => {
  const name = randomUUID();
  const first = await lock(name);
  const giveUp = new AbortController();
  const second = lock(name, { signal: giveUp.signal, onWait: () => giveUp.abort(new Error('enough')) });
  await expect(second).rejects.toThrow('enough');
  first.release();
});
