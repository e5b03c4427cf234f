/** The port behind which a document is drafted: a model, or no model at all. */
import type { Passage } from './split-markdown.ts';

export type DraftRequest = {
  readonly question: string;
  /** owner/name */
  readonly repository: string;
  /** Recalled for the question, best first; may be empty. */
  readonly passages: readonly Passage[];
  /** The files that were searched, whether or not anything was found in them. */
  readonly searched: readonly string[];
  readonly signal: AbortSignal;
};

/** A document without its ending. `markdown` starts with the explanation and does not repeat the title. */
export type Draft = { readonly title: string; readonly markdown: string };

export interface Drafter {
  /** Stands in the document's metadata, so it names what really wrote the text. */
  readonly model: string;
  /** @throws AgentError: not retryable when another attempt would fail alike. */
  draft(request: DraftRequest): Promise<Draft>;
}
