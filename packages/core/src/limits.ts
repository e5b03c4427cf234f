/** Everything has a limit, and the limit has a name. Sizes are bytes of UTF-8 JSON text; times are milliseconds. */

export const LIMITS = {
  inputBytes: 256 * 1024,
  outputBytes: 256 * 1024,
  eventBytes: 512 * 1024,
  eventsPerTask: 10_000,
  stepLengthPerTask: 16 * 1024 * 1024,
  taskBodyBytes: 320 * 1024,
  batchBodyBytes: 4 * 1024 * 1024,
  messageBytes: 4 * 1024 * 1024,
  tasksPerSubmit: 500,
  jsonDepth: 64,
  jsonKeys: 10_000,
  nameLength: 128,
  keyLength: 255,
  labels: 32,
  labelValueLength: 256,
  errorMessageLength: 4_000,
  priorities: 4,
  maxAttempts: 100,
  pageDefault: 100,
  pageMax: 1_000,
  dueInMs: 366 * 24 * 3_600_000,
  cancelGraceMs: 3_600_000,
  cancelReasonLength: 1_000,
} as const;

export const DEFAULTS = {
  priority: 2,
  maxAttempts: 8,
  maxCrashes: 3,
  leaseMs: 10_000,
  heartbeatMs: 2_000,
  retryBaseMs: 1_000,
  retryCapMs: 60_000,
  cancelGraceMs: 10_000,
} as const;
