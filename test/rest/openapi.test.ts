import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../src/rest/openapi.ts';
import { ROUTES } from '../../src/rest/routes.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('package.json'));

describe('the OpenAPI document', () => {
  const document = openApiDocument(ROUTES, version);

  it('in docs/openapi.json is what npm run docs:openapi writes', () => {
    expect(JSON.parse(read('docs/openapi.json'))).toStrictEqual(
      JSON.parse(JSON.stringify(document)),
    );
  });

  it('has each route, with a schema for everything that it takes and answers', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(operations).toHaveLength(ROUTES.length);
    const ids = operations.map((operation) => (operation as { operationId: string }).operationId);
    expect(new Set(ids).size).toBe(ROUTES.length);
    for (const { path, request, method } of ROUTES) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(Object.keys(request.path?.shape ?? {}), path).toStrictEqual(named);
      const hasBody = method === 'POST' || method === 'PATCH';
      expect(request.body !== undefined, `${method} ${path}`).toBe(hasBody);
    }
  });
});
