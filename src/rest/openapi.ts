import { z } from 'zod';
import type { Route } from './route.ts';

/** The error answers of all routes, by status. */
const ERRORS: Readonly<Record<string, string>> = {
  400: 'The request is wrong, and changed nothing.',
  401: 'The credential is missing or wrong.',
  403: 'The credential does not allow it.',
  404: 'There is no such record.',
  413: 'The body is too large.',
  429: 'Too many requests; repeat it later.',
  503: 'The store cannot be reached; repeat it later.',
};

/**
 * The routes as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0), made from the schemas that
 * check the requests.
 *
 * @param version of this server
 */
export function openApiDocument(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operation(route);
    paths[route.path] = path;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'mcp-sessions',
      version,
      description:
        'The routes that the original clients of both generations use. Slashes in identifiers need no encoding.',
    },
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      responses: { ...errorResponses('v1'), ...errorResponses('v2') },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'Api-Key, a space, and the token.',
        },
      },
    },
  };
}

function operation(route: Route) {
  const { summary, request, status, answer, path } = route;
  const isText = answer instanceof z.ZodLiteral;
  const generation = path.startsWith('/api/v1/') ? 'v1' : 'v2';
  return {
    operationId: operationId(route),
    summary,
    tags: [generation],
    parameters: [...parameters(request.path, 'path'), ...parameters(request.query, 'query')],
    ...(request.body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: jsonSchema(request.body, 'input') } },
      },
    }),
    responses: {
      [status]: {
        description: 'Done.',
        content: isText
          ? { 'text/plain': { schema: { const: 'OK' } } }
          : { 'application/json': { schema: jsonSchema(answer, 'output') } },
      },
      ...Object.fromEntries(
        Object.keys(ERRORS).map((code) => [
          code,
          { $ref: `#/components/responses/${generation}Error${code}` },
        ]),
      ),
    },
  };
}

const operationId = ({ method, path }: Route): string =>
  `${method.toLowerCase()}${path
    .replace('/api', '')
    .replace(/[{}]/g, '')
    .replace(/[/_-](\w)/g, (_, letter: string) => letter.toUpperCase())}`;

/** The first generation reads errors as text, the second as JSON. */
function errorResponses(generation: 'v1' | 'v2') {
  const properties = { message: { type: 'string' } };
  const content =
    generation === 'v1'
      ? { 'text/plain': { schema: { type: 'string' } } }
      : { 'application/json': { schema: { type: 'object', properties, required: ['message'] } } };
  return Object.fromEntries(
    Object.entries(ERRORS).map(([code, description]) => [
      `${generation}Error${code}`,
      { description, content },
    ]),
  );
}

function parameters(schema: z.ZodObject | undefined, location: 'path' | 'query') {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, one]) => ({
    ...{
      name,
      in: location,
      required: location === 'path' || required.includes(name),
      schema: one,
    },
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return plain;
}
