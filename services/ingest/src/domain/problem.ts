import { z } from 'zod';

/** RFC 9457, with a `code` of docs/errors.md. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
});
