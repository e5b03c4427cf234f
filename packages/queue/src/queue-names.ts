/** How things are named in Redis: all under one prefix, tickets under the epoch that offered them. */

/** @param incarnation of the log: logs that share a Redis do not meet */
export function ticketPrefix(incarnation: string): string {
  return `morningai-${incarnation.slice(0, 8)}`;
}

/** What BullMQ calls a queue: the tickets of one agent in one epoch. Its keys are `<prefix>:e<epoch>-<agent>:…`. */
export function queueName(epoch: number, agent: string): string {
  return `e${epoch}-${agent}`;
}

/** @returns null: not the key of a ticket queue */
export function epochOfKey(prefix: string, key: string): number | null {
  const match = key.startsWith(`${prefix}:`) ? /^e(\d+)-/.exec(key.slice(prefix.length + 1)) : null;
  return match === null ? null : Number(match[1]);
}
