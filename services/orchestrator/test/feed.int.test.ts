import { eventsOf } from '@morningai/bus/feed-message';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createWorker, defineAgent } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { expect, inject, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

type Message = { readonly position: number; readonly id: string; readonly subject: string; readonly type: string };

/** Everything the stream holds, in its order. */
async function readStream(bench: Bench): Promise<readonly Message[]> {
  const connection = await connect({ servers: inject('natsUrl') });
  try {
    const manager = await jetstreamManager(connection);
    const { state } = await manager.streams.info(bench.feedStream);
    if (state.messages === 0) return [];
    const consumer = await jetstream(connection).consumers.get(bench.feedStream);
    const messages: Message[] = [];
    for await (const message of await consumer.fetch({ max_messages: state.messages, expires: 5_000 })) {
      for (const { logposition, id, type } of eventsOf(message.string())) {
        messages.push({ position: logposition, id, subject: message.subject, type });
      }
    }
    return messages;
  } finally {
    await connection.close();
  }
}

async function wholeLog(bench: Bench): Promise<readonly Message[]> {
  return eventually(
    async () => {
      const { head } = await bench.verify();
      const messages = await readStream(bench);
      expect(messages.map(({ position }) => position)).toEqual(Array.from({ length: head }, (_, n) => n + 1));
      return messages;
    },
    { deadlineMs: 20_000 },
  );
}

test('the log arrives on JetStream whole and in order, and again after the stream was deleted', async () => {
  await using bench = await startOrchestrator();
  const agents = [defineAgent({ name: 'echo', version: '1', input: z.unknown(), run: async () => null })];
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents });
  await worker.ready;
  const submit = async () => {
    const tasks = await Promise.all(Array.from({ length: 30 }, () => bench.accept({})));
    for (const { id } of tasks) await bench.finished(id);
  };

  await submit();
  const first = await wholeLog(bench);
  const root = bench.feedStream.toLowerCase();
  for (const [subject, type] of [
    [`${root}.events.default.task.TaskSubmitted`, 'morningai.task.TaskSubmitted'],
    [`${root}.events.system.dispatch.EpochStarted`, 'morningai.dispatch.EpochStarted'],
  ]) {
    expect(first).toContainEqual(expect.objectContaining({ subject, type }));
  }

  const connection = await connect({ servers: inject('natsUrl') });
  await (await jetstreamManager(connection)).streams.delete(bench.feedStream);
  await connection.close();
  await submit();
  const refilled = await wholeLog(bench);
  expect(refilled.slice(0, first.length)).toEqual(first);

  await bench.restart();
  await submit();
  const ids = (await wholeLog(bench)).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  await worker.close();
});
