import { AppError } from '@morningai/core/errors';
import { appendEncoded, encodeAppend, type Append, type Appended, type EncodedAppend } from './append.ts';
import type { Pool } from './pool.ts';
import { classifyFailure, sqlState } from './postgres-failure.ts';

export type AppendedOrRefused =
  | Appended
  /** The log is ahead of the row that the command was decided on: it was deleted, or an old copy was put back. */
  | { readonly ok: false; readonly reason: 'stale' }
  | { readonly ok: false; readonly reason: 'value'; readonly error: AppError };

/**
 * Like `append`, but a value that cannot be stored costs only its own command. One that is not JSON is found here; one that
 * Postgres refuses is found by halving the batch until the one that is to blame stands alone. Any other failure is thrown as it
 * came, and then the first half may have been stored.
 */
export async function appendBisecting(pool: Pool, commands: readonly Append[]): Promise<readonly AppendedOrRefused[]> {
  const encoded = commands.map(tryEncode);
  const sound = encoded.filter((result) => 'command' in result);
  const results = sound.length === 0 ? [] : await halving(pool, sound);
  const resultOf = new Map(sound.map((append, index) => [append, results[index] as AppendedOrRefused]));
  return encoded.map((append) => ('command' in append ? (resultOf.get(append) as AppendedOrRefused) : append));
}

function tryEncode(command: Append): EncodedAppend | (AppendedOrRefused & { reason: 'value' }) {
  try {
    return encodeAppend(command);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return {
      ok: false,
      reason: 'value',
      error: new AppError('VALUE_REFUSED', `a value is not JSON: ${why}`, { cause }),
    };
  }
}

async function halving(pool: Pool, batch: readonly EncodedAppend[]): Promise<readonly AppendedOrRefused[]> {
  try {
    return await appendEncoded(pool, batch);
  } catch (error) {
    if (classifyFailure(error) !== 'refused') throw error;
    if (batch.length === 1 && sqlState(error) === UNIQUE_VIOLATION) return [{ ok: false, reason: 'stale' }];
    if (batch.length === 1) return [{ ok: false, reason: 'value', error: valueRefused(error) }];
    const half = Math.ceil(batch.length / 2);
    const first = await halving(pool, batch.slice(0, half));
    return [...first, ...(await halving(pool, batch.slice(half)))];
  }
}

const UNIQUE_VIOLATION = '23505';

function valueRefused(cause: unknown): AppError {
  return new AppError('VALUE_REFUSED', `postgres refused a value (SQLSTATE ${sqlState(cause)})`, { cause });
}
