import { expect, test } from 'vitest';
import { z } from 'zod';
import { submission } from '../domain/submission.ts';
import { taskJsonSchema } from '../domain/task-json.ts';
import { describeRoutes } from './openapi.ts';
import { defineRoute } from './route.ts';

const route = defineRoute({
  method: 'POST',
  path: '/v1/things/{id}',
  name: 'makeThing',
  about: 'Makes it.',
  headers: { 'Idempotency-Key': 'Once.' },
  query: z.strictObject({ limit: z.string().optional() }),
  body: { schema: submission, bytes: 10 },
  answers: { 200: { about: 'Made.', schema: z.strictObject({ tasks: z.array(taskJsonSchema) }) } },
  handle: async () => ({ status: 200, body: {} }),
});

test('a route is described by its own schemas, and named ones are pointed to', () => {
  const document = describeRoutes([route]) as any; // eslint-disable-line @typescript-eslint/no-explicit-any
  const { post } = document.paths['/v1/things/{id}'];
  expect(post.requestBody.content['application/json'].schema).toEqual({ $ref: '#/components/schemas/Submission' });
  expect(post.responses['200'].content['application/json'].schema.properties.tasks.items).toEqual({
    $ref: '#/components/schemas/Task',
  });
  expect(post.parameters.map((one: { in: string; name: string }) => `${one.in} ${one.name}`)).toEqual([
    'path id',
    'query limit',
    'header Idempotency-Key',
  ]);
  expect(document.components.schemas.Submission.required).toEqual(['agent', 'input']);
  expect(document.components.schemas.Submission.additionalProperties).toBe(false);
});

test('every reference leads somewhere', () => {
  const document = describeRoutes([route]) as { components: { schemas: object } };
  const targets = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  for (const name of new Set(targets)) expect(Object.keys(document.components.schemas)).toContain(name);
});
