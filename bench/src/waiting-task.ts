/** A task that holds its slot for longer than any benchmark takes. */
export const WAITING = { agent: 'echo', inputJson: '{"delayMs":3600000}' } as const;
