/** Configuration from the environment: every problem is reported at once, garbage is refused, nothing is guessed. */
import { AppError } from '@morningai/core/errors';
import { z } from 'zod';

export type Variable<T> = {
  /** As in the environment: "INGEST_PORT". */
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** As it would stand in the environment; undefined: must be given. */
  readonly fallback: string | undefined;
  /** One sentence for docs/configuration.md. */
  readonly about: string;
  /** Never shown or logged. */
  readonly secret: boolean;
};

export type Variables = Readonly<Record<string, Variable<unknown>>>;
export type ConfigOf<V extends Variables> = { readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never };

export function variable<T>(
  name: string,
  schema: z.ZodType<T>,
  about: string,
  options: { readonly fallback?: string; readonly secret?: boolean } = {},
): Variable<T> {
  return { name, schema, about, fallback: options.fallback, secret: options.secret ?? false };
}

/** @throws AppError CONFIG_INVALID with one line per problem; values of secrets are not repeated */
export function readConfig<V extends Variables>(
  variables: V,
  env: Readonly<Record<string, string | undefined>>,
): ConfigOf<V> {
  const problems: string[] = [];
  const entries = Object.entries(variables).map(([key, one]) => {
    const given = env[one.name];
    const text = given === undefined || given === '' ? one.fallback : given;
    if (text === undefined) {
      problems.push(`${one.name} is missing: ${one.about}`);
      return [key, undefined];
    }
    const parsed = one.schema.safeParse(text);
    if (!parsed.success) {
      const why = parsed.error.issues.map((issue) => issue.message).join('; ');
      problems.push(`${one.name}${one.secret ? '' : `="${text}"`}: ${why}`);
    }
    return [key, parsed.data];
  });
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', problems.join('\n'), { details: { problems } });
  return Object.fromEntries(entries) as ConfigOf<V>;
}

export const port = z.coerce.number('must be a port number').int().min(0).max(65_535);
export const flag = z.enum(['0', '1'], 'must be 0 or 1').transform((text) => text === '1');
export const milliseconds = z.coerce.number('must be a number of milliseconds').int().min(1).max(86_400_000);
export const url = (...schemes: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), {
    error: `must be a URL with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
  });
/** What `parse` takes, as it stands. @param parse throws what is wrong, and no secret */
export const parsedBy = (parse: (text: string) => unknown) =>
  z.string().superRefine((text, context) => {
    try {
      parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    }
  });
/** "host:port" */
export const address = z.string().regex(/^[^\s:/]+:\d{1,5}$/, 'must be host:port');

/** The variables that every service has. */
export const commonVariables = {
  logLevel: variable(
    'LOG_LEVEL',
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    'What is logged, and all above it.',
    {
      fallback: 'info',
    },
  ),
  bindHost: variable('BIND_HOST', z.string().min(1), 'The address the service listens on.', { fallback: '127.0.0.1' }),
};

export const apiKeyVariable = variable(
  'MORNINGAI_API_KEY',
  z.string().min(16, 'must have at least 16 characters'),
  'The API key that callers, workers and services present.',
  { secret: true },
);
