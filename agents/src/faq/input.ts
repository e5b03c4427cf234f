/** What the faq agent takes and what it gives back. */
import { z } from 'zod';

export const FAQ_INPUT_LIMITS = { questionLength: 2_000 } as const;

/** GitHub's rule: an owner of at most 39 letters, digits and hyphens, then the repository's name. */
const REPOSITORY = /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;

/** `publish`: `file` (the default) writes the document into the configured folder, `none` only returns it. */
export const faqInput = z.strictObject({
  // The pattern says nothing new here: it tells readers of the JSON Schema, which knows no trim, to refuse blanks.
  question: z.string().trim().min(1).max(FAQ_INPUT_LIMITS.questionLength).regex(/\S/),
  repository: z.string().regex(REPOSITORY, 'must be owner/name').optional(),
  publish: z.enum(['file', 'none']).optional(),
});

export type FaqInput = z.output<typeof faqInput>;

/** `publishedTo` is the path of the written file, or null when nothing was to be published. */
export type FaqOutput = {
  readonly title: string;
  readonly document: string;
  readonly publishedTo: string | null;
};
