/** What the proxy does to the bytes that pass; one at a time, for all connections. */
export type Fault =
  | { kind: 'none' }
  /** Every byte arrives this much later, in both directions. */
  | { kind: 'latency'; ms: number }
  /** Bytes are swallowed, nothing is closed: a silent partition. */
  | { kind: 'blackHole' }
  /** Open connections are reset, and new ones as soon as they are there. */
  | { kind: 'reset' }
  /** Of each reply only so many bytes arrive, then the connection ends. */
  | { kind: 'halfReply'; bytes: number }
  /** Nobody listens. */
  | { kind: 'refuse' };

/** What has happened since the proxy was opened: a fault that left no mark was no fault. */
export interface ProxyMarks {
  connections: number;
  resets: number;
  halfReplies: number;
  swallowedBytes: number;
  passedBytes: number;
  /** Of those that passed, what was held back for its latency. */
  delayedBytes: number;
}
