import { z } from 'zod';
import { parseJson } from './lenient-input.ts';
import { isObject, type Json, jsonBytes, jsonProblem } from './metadata.ts';

/**
 * Messages as the programming interfaces of models have them: their content may be a list of parts, and
 * tool calls, names and more stand beside it. The text becomes the content of the message. All else is
 * kept in `parts`, as it was sent.
 */

/** The most parts of one message. */
const PARTS_MAX = 1000;

/** The most that the parts of one message may take, as JSON in UTF-8. */
const PARTS_MAX_BYTES = 1024 * 1024;

/** The fields that the interfaces of OpenAI, Anthropic, Google, Ollama and LangChain put beside a text. */
const API_FIELDS = [
  ...['name', 'tool_calls', 'tool_call_id', 'function_call', 'refusal', 'audio', 'annotations'],
  ...['reasoning', 'reasoning_content', 'reasoning_details', 'thinking', 'images', 'prefix'],
  ...['id', 'type', 'status', 'call_id', 'phase', 'stop_reason', 'stop_sequence', 'usage', 'model'],
  ...['tool_name', 'tool_use_id', 'is_error', 'cache_control', 'toolInvocations', 'attachments'],
  ...['experimental_attachments', 'additional_kwargs', 'response_metadata', 'usage_metadata'],
  ...['invalid_tool_calls', 'artifact', 'example', 'finish_reason', 'channel', 'recipient'],
];

const IS_API_FIELD: ReadonlySet<string> = new Set(API_FIELDS);

/** The types of content parts that hold text. Google's have no type. */
const TEXT_TYPES: ReadonlySet<unknown> = new Set(['text', 'input_text', 'output_text', undefined]);

/**
 * Converts a message as an interface has it to `role`, `content` and `parts`. Anything else is
 * returned as it is, for the validation to judge.
 */
export function normalizeMessage(given: unknown): unknown {
  const value = parseJson(given, '{');
  if (!isObject(value)) return value;
  const { content, parts } = value;
  // Google's messages have their texts in `parts`, and no content.
  const list = Array.isArray(content) ? content : content == null ? parts : undefined;
  const hasFields = Object.keys(value).some((key) => IS_API_FIELD.has(key));
  if (!Array.isArray(list) && !hasFields && parts === undefined) return value;
  const { content: _, parts: __, ...rest } = value;
  const fields = API_FIELDS.filter((field) => Object.hasOwn(rest, field));
  // The schema of the parts refuses them.
  if (Array.isArray(list) && list.length > PARTS_MAX) return { ...rest, content: '', parts: list };
  const split = splitParts(Array.isArray(list) ? list : []);
  const others = [
    ...(Array.isArray(parts) && parts !== list ? parts : []),
    ...split.others,
    ...fields.flatMap((field) => (rest[field] === null ? [] : [{ [field]: rest[field] as Json }])),
  ];
  for (const field of fields) delete rest[field];
  const isText = typeof content === 'string' || (content != null && !Array.isArray(content));
  const hasContent = isText || Array.isArray(list) || others.length > 0;
  return {
    ...rest,
    ...(hasContent && { content: isText ? content : split.text }),
    ...(others.length > 0 && { parts: others }),
    ...(parts != null && !Array.isArray(parts) && { parts }),
  };
}

/** The texts of content parts, a line each, and what else there is. */
function splitParts(list: readonly Json[]): { text: string; others: Json[] } {
  const texts: string[] = [];
  const others: Json[] = [];
  for (const part of list) {
    if (typeof part === 'string') texts.push(part);
    else if (isObject(part) && TEXT_TYPES.has(part.type) && typeof part.text === 'string') {
      const { type, text, ...more } = part;
      texts.push(part.text);
      if (Object.keys(more).length > 0)
        others.push({ ...(type !== undefined && { type }), ...more });
    } else if (part !== null) others.push(part);
  }
  return { text: texts.join('\n'), others };
}

function sizeProblem(value: readonly unknown[]): string | undefined {
  const bytes = jsonBytes(value);
  return bytes > PARTS_MAX_BYTES
    ? `take ${bytes} bytes as JSON, and at most ${PARTS_MAX_BYTES} are allowed: leave some out`
    : undefined;
}

/** A schema for the parts of a message. */
export const messageParts = z
  .array(z.custom<Json>())
  .superRefine((value, context) => {
    const problem = jsonProblem(value) ?? sizeProblem(value);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({
    description: 'Tool calls, images and the like, as the API has them.',
    maxItems: PARTS_MAX,
  });

/** The most parts, and the most bytes of JSON of each, that an answer shows of a message. */
const SHOWN_PARTS = 20;
const SHOWN_PART_BYTES = 400;
const SHOWN_PART_LENGTH = 120;

/** Shortens the parts of a message for an answer: a long part becomes a line that begins like its JSON. */
export function partsPreview(parts: readonly Json[]): Json[] {
  const shown = parts.slice(0, SHOWN_PARTS).map((part): Json => {
    const json = JSON.stringify(part);
    const bytes = Buffer.byteLength(json);
    if (bytes <= SHOWN_PART_BYTES) return part;
    const start = json.slice(0, SHOWN_PART_LENGTH);
    return `${start.toWellFormed()}… (${bytes} bytes)`;
  });
  const omitted = parts.length - shown.length;
  return omitted > 0 ? [...shown, `… (${omitted} more)`] : shown;
}
