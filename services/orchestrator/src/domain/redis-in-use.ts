/** Which Redis has the tickets: the one that REDIS_URL names, until the queue is moved to another. Pure. */

/** The row. `place`, `sealedUrl` and `fingerprint` are null together: where REDIS_URL says. */
export type RedisMove = {
  readonly move: number;
  readonly place: string | null;
  readonly sealedUrl: string | null;
  readonly fingerprint: string | null;
  readonly movedAt: Date | null;
};

export type RedisInUse = {
  /** With whatever secret it has: for its client, and for nothing that is shown. */
  readonly url: string;
  /** Without user, password and options. */
  readonly place: string;
  /** Which change of the row this is; 0: there was none. */
  readonly move: number;
  /** Since when it is another one than REDIS_URL says; null: it is that one. */
  readonly movedAt: Date | null;
  /** The URL as others may have it; null: REDIS_URL says it. */
  readonly sealedUrl: string | null;
  /** True: the API key that sealed the URL is not ours, so its password is not known. */
  readonly isLocked: boolean;
};

export type RedisConfigured = {
  readonly url: string;
  readonly place: string;
};

/** @param unseal null: it cannot be opened */
export function redisInUse(
  configured: RedisConfigured,
  row: RedisMove | null,
  unseal: (sealed: string) => string | null,
): RedisInUse {
  const move = row?.move ?? 0;
  const { url, place } = configured;
  if (row === null || row.place === null || row.sealedUrl === null) {
    return { url, place, move, movedAt: null, sealedUrl: null, isLocked: false };
  }
  const opened = unseal(row.sealedUrl);
  const { sealedUrl, movedAt } = row;
  // Without a password it is refused there, and says so; the log lane goes on.
  return { url: opened ?? row.place, place: row.place, move, movedAt, sealedUrl, isLocked: opened === null };
}
