import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@morningai/sdk';
import type { Command } from 'commander';
import { folderOf, interruptSignal } from '../connect.ts';
import { checkDocument } from '../demo/check-document.ts';
import type { Done } from '../program.ts';
import { openStack } from '../stack/open-stack.ts';
import { timeline } from './events.ts';
import { ledgerLine, verifyDatabase } from './verify.ts';

/** The question whose answers the seeds are. */
const QUESTION = 'Test question during Redis outage';
const REPOSITORY = 'RC918/morningai';
const TASK_MS = 60_000;

export function addDemo(program: Command, done: Done): void {
  program
    .command('demo')
    .description(
      'Start everything in a temporary folder, take one real question to a finished FAQ document, and prove it',
    )
    .action(async (_options: object, command: Command) => {
      const folder = await mkdtemp(join(tmpdir(), 'morningai-demo-'));
      try {
        const missing = await runDemo(folder, join(folderOf(command), 'published'));
        for (const problem of missing) console.error(`missing: ${problem}`);
        done(missing.length === 0 ? 0 : 1);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
}

/** @returns what a complete demo would have shown and this one did not */
async function runDemo(folder: string, publishFolder: string): Promise<readonly string[]> {
  const signal = interruptSignal();
  const say = (line: string) => console.error(`· ${line}`);
  await using stack = await openStack({
    folder,
    publishFolder,
    ports: {},
    urls: {},
    apiKey: undefined,
    progress: say,
    signal,
  });
  const { ingestUrl, apiKey, databaseUrl } = stack.describe();
  const client = createClient({ url: ingestUrl, apiKey });
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(TASK_MS)]);

  say(`POST ${ingestUrl}/v1/tasks: "${QUESTION}"`);
  const task = await client.submit(
    { agent: 'faq', input: { question: QUESTION, repository: REPOSITORY } },
    { signal: deadline },
  );
  say(`accepted as ${task.id}`);
  for await (const event of client.watch(task.id, { signal: deadline })) say(`${event.type}${stepOf(event.data)}`);
  const finished = await client.get(task.id, { signal: deadline });
  const events = await client.events(task.id, { signal: deadline });
  const report = await verifyDatabase(databaseUrl, { signal: deadline });

  const output = finished.output as { document?: string; publishedTo?: string } | null;
  heading('The document', output?.publishedTo ?? '');
  console.log(output?.document ?? '(none)');
  heading('The task’s events', task.id);
  console.log(timeline(events));
  heading('The ledger', 'proven from the log');
  console.log(ledgerLine(report.ledger));
  // One was accepted here: what the ledger does not show of it was lost.
  const { completed, failed, cancelled, open } = report.ledger;
  const lost = 1 - (completed + failed + cancelled + open);
  console.log(`lost ${lost}, recorded twice ${report.recordedTwice}, ${report.head} events, chain ${report.chain}`);

  return [
    ...(finished.status === 'completed' ? [] : [`the task is ${finished.status}: ${finished.error?.message ?? ''}`]),
    ...checkDocument(output?.document ?? '', { question: QUESTION, traceId: task.id, repository: REPOSITORY }),
    ...(events.at(-1)?.type === 'TaskCompleted' ? [] : ['the events do not end with TaskCompleted']),
    ...(report.ledger.accepted === 1 && report.ledger.completed === 1
      ? []
      : ['the ledger is not one accepted, one completed']),
    ...(report.recordedTwice === 0 ? [] : ['an outcome was recorded twice']),
    ...report.problems,
  ];
}

function stepOf(data: unknown): string {
  return typeof data === 'object' && data !== null && 'step' in data ? ` (${String(data.step)})` : '';
}

function heading(title: string, detail: string): void {
  console.log(
    `\n━━ ${title}${detail === '' ? '' : ` · ${detail}`} ${'━'.repeat(Math.max(3, 90 - title.length - detail.length))}\n`,
  );
}
