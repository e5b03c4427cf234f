/** The agent of delay-worker.ts. */
export const DELAY_AGENT = 'bench-delay';
