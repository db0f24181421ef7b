import type { Tool as ToolDefinition } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Tool } from './tool.ts';

/** The structured content of an error answer. */
const errorContent = z
  .record(z.string(), z.unknown())
  .optional()
  .meta({ description: 'Alone, when the call failed: code, message, retryable.' });

const definitions = new WeakMap<Tool, ToolDefinition>();

/**
 * A tool as `tools/list` shows it. Converting its schemas costs far more than answering a call, so
 * it happens once a process.
 */
export function toolDefinition(tool: Tool): ToolDefinition {
  let definition = definitions.get(tool);
  if (definition === undefined) {
    const { name, title, description, hints } = tool;
    definition = {
      name,
      title,
      description,
      inputSchema: jsonSchema(tool.input, 'input', withoutBounds) as ToolDefinition['inputSchema'],
      outputSchema: jsonSchema(
        answerSchema(tool),
        'output',
        hints.readOnlyHint ? withoutDetails : withoutRecords,
      ) as NonNullable<ToolDefinition['outputSchema']>,
      annotations: { title, ...hints, openWorldHint: false },
    };
    definitions.set(tool, definition);
  }
  return definition;
}

/**
 * The schema of everything that `structuredContent` may be. Clients of the first SDK generation
 * also validate errors against the output schema and discard an invalid one; combinators at the
 * root make some hosts drop the whole list. Therefore nothing is required, and an error is one more
 * property.
 */
function answerSchema(tool: Tool) {
  return tool.output.partial().extend({ error: errorContent });
}

/** The JSON Schema of what a schema accepts (`input`) or yields (`output`). */
function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  override: (node: SchemaNode) => void,
) {
  // Metadata is a custom schema, described by its own `type: object`.
  const options = { io, unrepresentable: 'any', override } as const;
  // The protocol's default dialect is omitted: a model has to read every schema.
  const { $schema: _, ...plain } = z.toJSONSchema(schema, options);
  return plain;
}

interface SchemaNode {
  jsonSchema: Record<string, unknown>;
  path: readonly (string | number)[];
}

/**
 * The bounds of safe integers and of the lengths of texts are omitted: they would cost tokens at each
 * field, and texts are measured in bytes, not characters. An error names the limit.
 */
function withoutBounds({ jsonSchema: node }: SchemaNode): void {
  delete node.minLength;
  delete node.maxLength;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
}

/**
 * What an answer is, without what it means: an answer explains itself, and the fields of a record are
 * the same in every tool. Only the fields of the answer itself are described.
 */
function withoutDetails(node: SchemaNode): void {
  withoutBounds(node);
  const { jsonSchema: schema, path } = node;
  delete schema.format;
  if (path.length === 0) return;
  delete schema.additionalProperties;
  delete schema.required;
  if (path.length > 2) delete schema.description;
}

/** The tools that read show what a record is. The others answer with records, too. */
function withoutRecords(node: SchemaNode): void {
  withoutDetails(node);
  if (node.path.length > 0) delete node.jsonSchema.properties;
}
