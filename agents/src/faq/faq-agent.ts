/**
 * The faq agent: a question about a repository in, a Markdown document out. Each step is recorded, so a later attempt,
 * on any worker, goes on after the last one: a model is asked once, and what it wrote is what gets published.
 */
import { join, relative, sep } from 'node:path';
import { AgentError, defineAgent } from '@morningai/sdk';
import { refuseDocument } from './check.ts';
import { assembleDocument } from './document.ts';
import { faqInput } from './input.ts';
import { loadPassages } from './passages.ts';
import { publishFile } from './publish-file.ts';
import { recall } from './recall.ts';
import type { Drafter } from './drafter.ts';
import type { FaqOutput } from './input.ts';

export type FaqAgentOptions = {
  readonly drafter: Drafter;
  /** Folder of Markdown files that questions are answered from. */
  readonly runbooksFolder: string;
  /** Where readers find that folder, when they do not have these files: a URL. Default: the relative path to it. */
  readonly runbooksUrl?: string;
  /** Documents go to its `faq` folder, their index to its FAQ.md. */
  readonly outFolder: string;
  /** owner/name, where the input names none. */
  readonly defaultRepository: string;
};

export function createFaqAgent(options: FaqAgentOptions) {
  const { drafter, runbooksFolder, outFolder, defaultRepository } = options;
  const linkBase = options.runbooksUrl ?? relative(join(outFolder, 'faq'), runbooksFolder).split(sep).join('/');

  return defineAgent({
    name: 'faq',
    version: '1',
    input: faqInput,
    async run(ctx, { question, repository = defaultRepository, publish = 'file' }): Promise<FaqOutput> {
      ctx.progress('looking through the runbooks', 0);
      const found = await ctx.step('recall', async () => {
        const passages = await loadPassages({ folder: runbooksFolder, linkBase });
        return { passages: recall(question, passages), searched: [...new Set(passages.map(({ source }) => source))] };
      });

      ctx.progress(`drafting from ${found.passages.length} passages`, 0.25);
      const written = await ctx.step('draft', async ({ signal }) => {
        const draft = await drafter.draft({ question, repository, ...found, signal });
        // Assembled here, because a later attempt may run where another model or repository is configured.
        const traceId = ctx.task.id;
        const document = assembleDocument({ ...draft, question, traceId, model: drafter.model, repository });
        // A refused draft is not recorded: the next attempt asks the drafter again.
        mustPass(document, { notRetryable: false });
        return { title: draft.title, document };
      });

      ctx.progress('checking the document', 0.75);
      await ctx.step('check', async () => {
        // What an earlier release recorded must pass today's rules too; it will not change by itself.
        mustPass(written.document, { notRetryable: true });
        return { bytes: Buffer.byteLength(written.document) };
      });

      if (publish === 'none') return { ...written, publishedTo: null };
      ctx.progress('publishing', 0.9);
      const publishedTo = await ctx.step(
        'publish',
        () => publishFile({ outFolder, question, document: written.document }),
        {
          effect: true,
        },
      );
      return { ...written, publishedTo };
    },
  });
}

function mustPass(document: string, options: { notRetryable: boolean }): void {
  const refusal = refuseDocument(document);
  if (refusal !== null) throw new AgentError(refusal.code, refusal.message, options);
}
