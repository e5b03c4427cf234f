/** What the original did with its tasks while nothing was wrong with Redis. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@morningai/testbed/eventually';
import { openProxy } from '@morningai/testbed/proxy';
import { z } from 'zod';
import { startWorker } from '../drill-worker.ts';
import type { Stage } from '../drill.ts';
import { post } from '../load.ts';
import { openOutsideWorld } from '../outside-world.ts';
import { readTaskEvents } from '../read-log.ts';
import { completedOf, get } from './outcomes.ts';
import { must, type Row } from './row.ts';

const AGENTS = ['drill-effect'];
const NO_WORKER_MS = 5_000;
const LIMIT = 10;
/** What the services of the stack are told for these rows. */
export const WORK_ROWS_ENV = { MAX_RUNNING_PER_AGENT: String(LIMIT) };

const eventsOf = async (stage: Stage, task: string) =>
  (await readTaskEvents(stage.stack.pool, 0)).filter(({ taskId }) => taskId === task);

const workers = z.object({ workers: z.array(z.object({ id: z.string(), silent: z.boolean() })) });

export const WORK_ROWS: readonly Row[] = [
  {
    scenario: 'the reply is lost after the enqueue, the client retries, 4 times',
    original: '4 × 503 and 4 pull requests',
    async measure(stage) {
      const { stack, load, signal } = stage;
      await using world = await openOutsideWorld();
      await using _worker = await startWorker(stage, { world, agents: AGENTS, workerId: 'original-reply' });
      await using proxy = await openProxy({ target: stack.urls.ingestUrl });
      proxy.halfReply(0);
      const key = `${load.book.prefix}reply`;
      const body = { agent: 'drill-effect', input: {} };
      const through = { ingestUrl: proxy.url('http'), apiKey: stack.urls.apiKey };
      for (let time = 0; time < 4; time += 1) await post(through, key, body, signal);
      const task = await load.submit({ ...body, key });
      const completed = await completedOf(stage, [task]);
      const effects = world.calls.filter(({ kind }) => kind === 'effect').length;
      must(completed === 1 && effects === 1, `${completed} done, ${effects} effects`);
      return `one task, ${effects} effect`;
    },
  },
  {
    scenario: 'no worker for 610 s, 3 queued',
    original: '3 lost silently (queue TTL), failed list empty',
    async measure(stage) {
      await using world = await openOutsideWorld();
      await (await startWorker(stage, { world, agents: AGENTS, workerId: 'original-gone' })).kill();
      const tasks = await Promise.all([1, 2, 3].map(() => stage.load.submit({ agent: 'drill-effect', input: {} })));
      await delay(NO_WORKER_MS, undefined, { signal: stage.signal });
      await using _worker = await startWorker(stage, { world, agents: AGENTS, workerId: 'original-came' });
      const completed = await completedOf(stage, tasks);
      must(completed === 3, `${completed} of 3 done`);
      return `${completed} done when a worker came (here after ${NO_WORKER_MS / 1_000} s: nothing in the log runs out)`;
    },
  },
  {
    scenario: '14 tasks in one hour (limit 10)',
    original: '10 done, 4 `error: NoneType`',
    async measure(stage) {
      const released = Promise.withResolvers<void>();
      await using world = await openOutsideWorld(() => released.promise);
      await using _worker = await startWorker(stage, { world, agents: AGENTS, workerId: 'original-limit', slots: 14 });
      const tasks = await Promise.all(
        Array.from({ length: 14 }, () => stage.load.submit({ agent: 'drill-effect', input: {} })),
      );
      const atLimit = async () => {
        const queue = (await stage.stack.queue()).agents.find(({ agent }) => agent === 'drill-effect');
        const [running, due] = [queue?.running ?? 0, queue?.due ?? 0];
        must(running === LIMIT && due === 14 - LIMIT, `${running} run and ${due} wait`);
        return `${running} ran at once, ${due} waited`;
      };
      const seen = await eventually(atLimit, { signal: stage.signal }).finally(() => released.resolve());
      const completed = await completedOf(stage, tasks);
      must(completed === 14, `${completed} of 14 done`);
      return `${completed} done: ${seen}`;
    },
  },
  {
    scenario: 'same question twice with one key',
    original: '2 pull requests, 2 model calls',
    async measure(stage) {
      const key = `${stage.load.book.prefix}question`;
      const request = { agent: 'faq', input: { question: 'What is Phase 10?' }, key };
      const first = await stage.load.submit(request);
      const second = await stage.load.submit(request);
      must(first === second, 'two tasks');
      const completed = await completedOf(stage, [first]);
      const steps = (await eventsOf(stage, first)).filter(({ type }) => type === 'StepCompleted');
      const count = (step: string) => steps.filter(({ data }) => data['step'] === step).length;
      const [drafts, published] = [count('draft'), count('publish')];
      must(completed === 1 && drafts === 1 && published === 1, `${drafts} drafts, ${published} documents`);
      return `one task, ${published} document, ${drafts} draft`;
    },
  },
  {
    scenario: 'mixed task types, one consumer',
    original: '7 of 10 dropped',
    async measure(stage) {
      const tasks = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          n % 3 === 0
            ? stage.load.submit({ agent: 'faq', input: { question: `How do I deploy to production? (${n})` } })
            : stage.load.submit({ agent: 'echo', input: { n } }),
        ),
      );
      const completed = await completedOf(stage, tasks);
      must(completed === 10, `${completed} of 10 done`);
      return `${10 - completed} dropped, ${completed} done`;
    },
  },
  {
    scenario: 'heartbeat check on a healthy and a dead worker',
    original: 'deletes the key, OK, OK',
    async measure(stage) {
      await using world = await openOutsideWorld();
      await using worker = await startWorker(stage, { world, agents: AGENTS, workerId: 'original-heart' });
      const state = async () => {
        const list = workers.parse(await (await get(stage, '/v1/workers')).json()).workers;
        return list.find(({ id }) => id === 'original-heart');
      };
      const healthy = await state();
      must(healthy?.silent === false, 'a healthy worker is called silent');
      await worker.freeze();
      const found = async () => {
        const now = await state();
        must(now === undefined || now.silent, 'a frozen worker is not noticed');
        return now === undefined ? 'gone' : 'silent';
      };
      const frozen = await eventually(found, { deadlineMs: 20_000, signal: stage.signal });
      return `OK, "${frozen}": it gets nothing new`;
    },
  },
  {
    scenario: 'retries (10/30/60 s)',
    original: 'never applied',
    async measure(stage) {
      const task = await stage.load.submit({ agent: 'echo', input: { failTimes: 3 } });
      const completed = await completedOf(stage, [task]);
      const failed = (await eventsOf(stage, task)).filter(({ type }) => type === 'AttemptFailed');
      must(completed === 1 && failed.length === 3, `${completed} done after ${failed.length} failed attempts`);
      const waits = failed.map(({ data }) => `${String(data['retryInMs'])} ms`);
      return `${failed.length} failed attempts and their waits in its history (${waits.join(', ')}), then done`;
    },
  },
];
