import { asAppError } from '@morningai/core/errors';
import type { Orchestrator } from './orchestrator.ts';

export type Readiness = {
  readonly isDraining: boolean;
  /** Null: ready. */
  whyNotReady(): Promise<string | null>;
};

/** Anybody may ask: so the orchestrator is asked at most this often, whoever does. */
const FRESH_MS = 250;

/** @param draining aborts when the service is told to stop */
export function createReadiness(orchestrator: Pick<Orchestrator, 'ping'>, draining: AbortSignal): Readiness {
  let asked: { readonly at: number; readonly answer: Promise<string | null> } | undefined;
  const ask = async () => {
    try {
      await orchestrator.ping(draining);
      return null;
    } catch (error) {
      return `${asAppError(error).code}: ${asAppError(error).message}`;
    }
  };
  return {
    get isDraining() {
      return draining.aborted;
    },
    whyNotReady: () => {
      const now = performance.now();
      if (asked === undefined || now - asked.at > FRESH_MS) asked = { at: now, answer: ask() };
      return asked.answer;
    },
  };
}
