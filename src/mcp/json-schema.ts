import type { Tool as ToolDefinition } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Tool } from './tool.ts';

/** The structured content of an error answer. */
const errorContent = z
  .strictObject({ code: z.string(), message: z.string(), retryable: z.boolean() })
  .optional()
  .meta({ description: 'Present, alone, when the call failed.' });

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
      inputSchema: jsonSchema(tool.input, 'input') as ToolDefinition['inputSchema'],
      outputSchema: jsonSchema(answerSchema(tool), 'output') as NonNullable<
        ToolDefinition['outputSchema']
      >,
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
function jsonSchema(schema: z.ZodType, io: 'input' | 'output') {
  // Metadata is a custom schema, described by its own `type: object`.
  const options = { io, unrepresentable: 'any', override: withoutBounds } as const;
  // The protocol's default dialect is omitted: a model has to read every schema.
  const { $schema: _, ...plain } = z.toJSONSchema(schema, options);
  return plain;
}

/** The bounds of safe integers are omitted: they would cost tokens at each integer. */
function withoutBounds({ jsonSchema: node }: { jsonSchema: Record<string, unknown> }): void {
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
}
