/** What a route is: enough to serve it and to describe it in /openapi.json. */
import type { z } from 'zod';

export type Call<Query, Body> = {
  /** From the API key. */
  readonly tenant: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Every value of a header, in lower case; a header given twice has two. */
  header(name: string): readonly string[];
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
};

export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON; or, with a content-type of its own, text or a stream of it. */
  readonly body: unknown;
};

export type Route<Query = unknown, Body = unknown> = {
  readonly method: 'GET' | 'POST';
  /** With parameters in braces: "/v1/tasks/{id}". */
  readonly path: string;
  /** Names the operation in /openapi.json. */
  readonly name: string;
  readonly about: string;
  /** True: no API key is asked for. */
  readonly isPublic?: boolean;
  /** True: it may answer with a stream that does not end soon, so there is no HEAD for it. */
  readonly isStream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: z.ZodType<Query>;
  readonly body?: {
    readonly schema: z.ZodType<Body>;
    readonly bytes: number;
    /** The whole of it, where `schema` leaves the items to the handler. */
    readonly described?: z.ZodType;
    /** True: no body at all is an empty object. */
    readonly isOptional?: boolean;
  };
  /** Status → what it says. Errors are the same everywhere and not listed. */
  readonly answers: Readonly<Record<number, { readonly about: string; readonly schema?: z.ZodType }>>;
  readonly error?: z.ZodType;
  handle(call: Call<Query, Body>): Promise<Answer>;
};

/** Lets a route's handler know its own query and body. */
export function defineRoute<Query, Body>(route: Route<Query, Body>): Route {
  return route;
}
