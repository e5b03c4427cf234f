import { expect, test } from 'vitest';
import { share } from './share.ts';

function countedRun() {
  let runs = 0;
  const ends: (() => void)[] = [];
  const run = () => {
    runs += 1;
    const mine = runs;
    return new Promise<number>((resolve) => ends.push(() => resolve(mine)));
  };
  return { run, runs: () => runs, end: () => ends.shift()?.() };
}

test('those who ask while a run is under way share it', async () => {
  const { run, runs, end } = countedRun();
  const ask = share(run, 0);
  const asked = Array.from({ length: 200 }, ask);
  end();
  expect(new Set(await Promise.all(asked))).toEqual(new Set([1]));
  expect(runs()).toBe(1);
});

test('a result that is too old is not given again', async () => {
  const { run, end } = countedRun();
  const ask = share(run, 0);
  const first = ask();
  end();
  expect(await first).toBe(1);
  const second = ask();
  end();
  expect(await second).toBe(2);
});

test('a result that is young enough is given again', async () => {
  const { run, runs, end } = countedRun();
  const ask = share(run, Infinity);
  const first = ask();
  end();
  await first;
  expect(await ask()).toBe(1);
  expect(runs()).toBe(1);
});
