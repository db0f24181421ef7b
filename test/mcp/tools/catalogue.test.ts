import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { localPrincipal } from '../../../src/domain/principal.ts';
import { DEFAULT_TOOLSETS, TOOLSETS } from '../../../src/domain/toolsets.ts';
import { toolDefinition } from '../../../src/mcp/json-schema.ts';
import { RESOURCES } from '../../../src/mcp/resources/index.ts';
import { accessibleTools } from '../../../src/mcp/tool-access.ts';
import { TOOLS } from '../../../src/mcp/tools/index.ts';

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const offered = (options: Partial<Parameters<typeof accessibleTools>[0]>) =>
  accessibleTools({ toolsets: TOOLSETS, readOnly: false, ...options }, localPrincipal('any'));

describe.each(TOOLS.map((tool) => [tool.name, tool] as const))('the tool %s', (name, tool) => {
  const definition = toolDefinition(tool);

  it('has a file of its own, named like it', () => {
    const file = `${name.replaceAll('_', '-')}.ts`;
    expect(readdirSync(folder(`../../../src/mcp/tools/${tool.toolset}`))).toContain(file);
  });

  it('has a name, a title and a description that every host takes', () => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
    expect(tool.title.length).toBeLessThanOrEqual(40);
    expect(tool.description.length).toBeGreaterThanOrEqual(60);
    expect(tool.description.length).toBeLessThanOrEqual(400);
  });

  it('has schemas that are plain objects at the root', () => {
    for (const schema of [definition.inputSchema, definition.outputSchema]) {
      expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
      for (const word of ['anyOf', 'oneOf', 'allOf', '$ref', 'not']) {
        expect(schema).not.toHaveProperty(word);
      }
    }
  });

  it('describes every argument', () => {
    for (const [argument, schema] of Object.entries(definition.inputSchema.properties ?? {})) {
      const { description, enum: values } = schema as { description?: string; enum?: unknown };
      expect(description ?? values, argument).toBeDefined();
    }
  });

  it('gives every hint', () => {
    expect(definition.annotations).toStrictEqual({
      title: tool.title,
      readOnlyHint: expect.any(Boolean),
      destructiveHint: expect.any(Boolean),
      idempotentHint: expect.any(Boolean),
      openWorldHint: false,
    });
    expect(tool.hints.readOnlyHint && tool.hints.destructiveHint).toBe(false);
  });

  it('is called in the scenario that runs over every transport', () => {
    const steps = readdirSync(folder('../../e2e/scenario'))
      .filter((file) => file !== 'catalogue.ts')
      .map((file) => readFileSync(folder(`../../e2e/scenario/${file}`), 'utf8'));
    expect(steps.join()).toContain(`'${name}'`);
  });

  it('is documented with an example', () => {
    expect(readFileSync(folder('../../../README.md'), 'utf8')).toContain(name);
    expect(readFileSync(folder('../../../docs/tools.md'), 'utf8')).toContain(name);
  });
});

describe('the catalogue', () => {
  it.each([
    ['by default', DEFAULT_TOOLSETS, 8000, 4500],
    ['with all toolsets', TOOLSETS, 10_200, 5300],
  ])('is small enough to be read by a model at every start, %s', (_, toolsets, all, seen) => {
    const definitions = offered({ toolsets }).map(toolDefinition);
    const visible = definitions.map(({ name, description, inputSchema }) => ({
      ...{ name, description, inputSchema },
    }));
    // A token is about four bytes.
    expect(JSON.stringify({ tools: definitions }).length / 4).toBeLessThan(all);
    expect(JSON.stringify(visible).length / 4).toBeLessThan(seen);
  });

  it('has all toolsets but facts by default', () => {
    expect(TOOLSETS.filter((name) => !DEFAULT_TOOLSETS.includes(name))).toStrictEqual(['facts']);
  });

  it('has no format or pattern, for which some hosts drop the whole list', () => {
    const inputs = JSON.stringify(TOOLS.map((tool) => toolDefinition(tool).inputSchema));
    expect(inputs).not.toMatch(/"(format|pattern)":/);
  });

  it('converts its schemas once', () => {
    for (const tool of TOOLS) expect(toolDefinition(tool)).toBe(toolDefinition(tool));
  });

  it('offers only the toolsets asked for', () => {
    expect(
      new Set(offered({ toolsets: ['sessions'] }).map(({ toolset }) => toolset)),
    ).toStrictEqual(new Set(['sessions']));
  });

  it('offers nothing that changes anything when it is read-only', () => {
    for (const tool of offered({ readOnly: true })) expect(tool.hints.readOnlyHint).toBe(true);
    expect(offered({ readOnly: true })).not.toHaveLength(0);
  });
});

describe.each(RESOURCES.map((kind) => [kind.uriTemplate, kind] as const))(
  '%s',
  (template, kind) => {
    const uuid = '01a1fd24-303c-761f-bb3f-55f56f02c15b';
    const variable = template.startsWith('user:') ? 'user_id' : 'session_id';
    const names = (id: string) => ({
      [variable]: id,
      ...(template.includes('{uuid}') && { uuid }),
    });

    it.each(['plain', 'a/b', 'UPPER', 'a b', '100%', '%2F', 'ü', '👍', '?#', '..', "!'()*"])(
      'holds the identifier %j',
      (id) => {
        expect(kind.match(kind.uri(names(id)))).toStrictEqual({ ids: names(id), query: {} });
      },
    );

    it('does not match what is malformed or of another kind', () => {
      const uri = kind.uri(names('x'));
      const encoded = (text: string) => uri.replace(/(?<=:\/\/)x/, text);
      for (const other of [`other${uri}`, encoded(''), encoded('%ZZ'), `${uri}/y`, `${uri}?z=1`]) {
        expect(kind.match(other)).toBeUndefined();
      }
    });
  },
);
