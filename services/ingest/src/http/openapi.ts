/** /openapi.json (OpenAPI 3.1), made from the same schemas that check the requests. */
import { z } from 'zod';
import { eventJsonSchema } from '../domain/event-json.ts';
import { originalErrorSchema, originalTaskSchema } from '../domain/original.ts';
import { problemSchema } from '../domain/problem.ts';
import { batchItem, submission } from '../domain/submission.ts';
import { taskJsonSchema } from '../domain/task-json.ts';
import { agentJsonSchema } from './read-agents.ts';
import { queueJsonSchema } from './read-queue.ts';
import { workerJsonSchema } from './read-workers.ts';
import { defineRoute, type Route } from './route.ts';
import { whyJsonSchema } from './why-task.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const COMPONENTS = {
  Task: taskJsonSchema,
  Submission: submission,
  BatchItem: batchItem,
  Event: eventJsonSchema,
  Agent: agentJsonSchema,
  Why: whyJsonSchema,
  Worker: workerJsonSchema,
  Queue: queueJsonSchema,
  Problem: problemSchema,
  OriginalTask: originalTaskSchema,
  OriginalError: originalErrorSchema,
} as const satisfies Record<string, z.ZodType>;

/** GET /openapi.json */
export function openApiRoute(routes: readonly Route[]): Route {
  const document = JSON.stringify(describeRoutes(routes));
  return defineRoute({
    method: 'GET',
    path: '/openapi.json',
    name: 'describe',
    about: 'This description.',
    isPublic: true,
    answers: { 200: { about: 'OpenAPI 3.1.' } },
    handle: async () => ({ status: 200, body: document }),
  });
}

export function describeRoutes(routes: readonly Route[]): JsonSchema {
  const schemas = createSchemas();
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describeRoute(route, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'MorningAI', version: '1' },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: schemas.components,
    },
  };
}

type Schemas = { readonly components: JsonSchema; schema(one: z.ZodType): JsonSchema };

/** Named schemas are written once and pointed to. */
function createSchemas(): Schemas {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  const uri = (id: string) => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(registry, { uri, io: 'input' });
  return {
    components: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)])),
    schema: (one) => {
      const known = registry.get(one);
      if (known !== undefined) return { $ref: uri(known.id ?? '') };
      // The one schema joins the named ones for the time of this call, so that it points to them.
      const all = z.registry<{ id: string }>();
      for (const [id, schema] of Object.entries(COMPONENTS)) all.add(schema, { id });
      all.add(one, { id: 'this' });
      return bare(z.toJSONSchema(all, { uri, io: 'input' }).schemas['this'] ?? {});
    },
  };
}

function bare(schema: JsonSchema): JsonSchema {
  const { $schema: _, $id: __, ...rest } = schema;
  return rest;
}

function describeRoute(route: Route, schemas: Schemas): JsonSchema {
  const body = route.body?.described ?? route.body?.schema;
  const error = route.error ?? problemSchema;
  const mediaType = route.error === undefined ? 'application/problem+json' : 'application/json';
  const answers = Object.entries(route.answers).map(([status, { about, schema }]) => [
    status,
    { description: about, ...(schema === undefined ? {} : content('application/json', schemas.schema(schema))) },
  ]);
  return {
    operationId: route.name,
    summary: route.about,
    ...(route.isPublic === true ? { security: [] } : {}),
    parameters: parametersOf(route, schemas),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: route.body?.isOptional !== true,
            ...content('application/json', schemas.schema(body)),
          },
        }),
    responses: {
      ...(Object.fromEntries(answers) as JsonSchema),
      default: { description: 'An error, with its code.', ...content(mediaType, schemas.schema(error)) },
    },
  };
}

function parametersOf(route: Route, schemas: Schemas): JsonSchema[] {
  const query = route.query === undefined ? {} : schemas.schema(route.query)['properties'];
  return [
    ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(query ?? {}).map(([name, schema]) => ({ name, in: 'query', schema: schema as JsonSchema })),
    ...Object.entries(route.headers ?? {}).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string' },
    })),
  ];
}

function content(mediaType: string, schema: JsonSchema): JsonSchema {
  return { content: { [mediaType]: { schema } } };
}
