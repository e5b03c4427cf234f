import { join } from 'node:path';
import type { Command } from 'commander';
import { folderOf, interruptSignal } from '../connect.ts';
import { checkDocument } from '../demo/check-document.ts';
import { openView } from '../demo/ledger-view.ts';
import { QUESTION, REPOSITORY, runDemo, type DemoResult } from '../demo/run-demo.ts';
import type { Done } from '../program.ts';
import { openTemporaryStack } from '../stack/temporary-stack.ts';
import { timeline } from './events.ts';
import { ledgerLine } from './verify.ts';

/** Of the worker: what it drains is more than what comes in, and the backlog lasts through the outage. */
const SLOTS = 20;

export function addDemo(program: Command, done: Done): void {
  program
    .command('demo')
    .description(
      'Kill and empty Redis while thousands of tasks run, answer a question meanwhile, and prove that nothing is missing',
    )
    .action(async (_options: object, command: Command) => {
      const signal = interruptSignal();
      const view = openView();
      await using stack = await openTemporaryStack({
        name: 'demo',
        publishFolder: join(folderOf(command), 'published'),
        serviceEnv: { WORKER_SLOTS: String(SLOTS) },
        progress: view.say,
        signal,
      });
      const result = await runDemo(stack, view, signal);
      print(result);
      const missing = whatIsMissing(result);
      for (const problem of missing) console.error(`missing: ${problem}`);
      done(missing.length === 0 ? 0 : 1);
    });
}

function print(result: DemoResult): void {
  const { question, events, report, gaps, epochs, ticketsLost } = result;
  const output = question.output as { document?: string; publishedTo?: string } | null;
  heading('The document', output?.publishedTo ?? '');
  console.log(output?.document ?? '(none)');
  heading('Its events, while Redis was away', question.id);
  console.log(timeline(events));
  heading('The ledger', 'proven from the log');
  console.log(ledgerLine(report.ledger));
  console.log(`lost ${lostOf(result)}, recorded twice ${report.recordedTwice}`);
  console.log(
    `Redis: ${ticketsLost ?? 'unknown'} tickets gone, epoch ${epochs.before ?? '?'} → ${epochs.after ?? '?'}`,
  );
  const ms = (gap: DemoResult['gaps']['overall']) => (gap === null ? '?' : `${Math.round(gap.ms)} ms`);
  console.log(`longest gap between two completions: ${ms(gaps.atKill)} around the kill, ${ms(gaps.overall)} in all`);
  console.log(`${report.head} events, chain ${report.chain}`);
}

/** Accepted by an answer, and not in the log. */
function lostOf({ accepted, report: { ledger } }: DemoResult): number {
  return accepted - (ledger.completed + ledger.failed + ledger.cancelled + ledger.open);
}

/** What a complete demo would have shown and this one did not. */
function whatIsMissing(result: DemoResult): readonly string[] {
  const { question, events, doneDuringOutage, accepted, epochs, report } = result;
  const output = question.output as { document?: string } | null;
  const expected = { question: QUESTION, traceId: question.id, repository: REPOSITORY };
  return [
    ...(question.status === 'completed'
      ? []
      : [`the question is ${question.status}: ${question.error?.message ?? ''}`]),
    ...checkDocument(output?.document ?? '', expected),
    ...(events.at(-1)?.type === 'TaskCompleted' ? [] : ['the events do not end with TaskCompleted']),
    ...(doneDuringOutage ? [] : ['the question was not done during the outage']),
    ...(epochs.after !== null && epochs.after > (epochs.before ?? 0) ? [] : ['Redis was not filled again']),
    ...(report.ledger.accepted === accepted
      ? []
      : [`${accepted} were accepted, the log has ${report.ledger.accepted}`]),
    ...(report.ledger.completed === accepted ? [] : ['not all of the tasks are completed']),
    ...(lostOf(result) === 0 ? [] : ['tasks were lost']),
    ...(report.recordedTwice === 0 ? [] : ['an outcome was recorded twice']),
    ...report.problems,
  ];
}

function heading(title: string, detail: string): void {
  const line = '━'.repeat(Math.max(3, 90 - title.length - detail.length));
  console.log(`\n━━ ${title}${detail === '' ? '' : ` · ${detail}`} ${line}\n`);
}
