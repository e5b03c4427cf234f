import { pino, type Logger } from 'pino';

export type { Logger };

/** Keys whose values are never logged, at the first three levels. */
const REDACTED = ['authorization', 'apiKey', 'password', 'secret', 'token'].flatMap((key) => [
  key,
  `*.${key}`,
  `*.*.${key}`,
]);

/** JSON lines on stdout: a fixed lower-case message, variables as fields. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
    redact: REDACTED,
    errorKey: 'error',
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}

/** An error's message without its stack: for what we expect and recover from. */
export function reason(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(reason).join('; ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A URL as it may be logged: without its password. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}
