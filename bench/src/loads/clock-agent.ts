/** The agent of clock-worker.ts. */
export const CLOCK_AGENT = 'clock';
