import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { AppError } from '@morningai/core/errors';

/**
 * What stands on the command line, in a file ("@file"), or comes by standard input ("-").
 * @throws AppError REQUEST_INVALID when there is no such file
 */
export async function givenText(given: string): Promise<string> {
  if (given === '-') return text(process.stdin);
  if (!given.startsWith('@')) return given;
  return readFile(given.slice(1), 'utf8').catch((cause: Error) => {
    throw new AppError('REQUEST_INVALID', `cannot read the file: ${cause.message}`, { cause });
  });
}
