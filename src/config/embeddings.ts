import { z } from 'zod';
import type { Setting } from './setting.ts';

/** The endpoint that makes messages findable by their meaning. */
export const EMBEDDING_SETTINGS = {
  embeddingsUrl: {
    env: 'EMBEDDINGS_URL',
    description:
      "Search by meaning too, through this OpenAI-compatible API: its base URL, such as Ollama's http://localhost:11434/v1.",
  },
  embeddingsModel: {
    env: 'EMBEDDINGS_MODEL',
    description: 'The model there, such as text-embedding-3-small or nomic-embed-text.',
  },
  embeddingsApiKey: {
    env: 'EMBEDDINGS_API_KEY',
    description: 'The key there, if it wants one.',
    secret: true,
  },
} as const satisfies Record<string, Setting>;

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** Their values. */
export const embeddingShape = {
  embeddingsUrl: z
    .string()
    .refine(isEndpoint, 'a URL that starts with http:// or https:// and has no user or password')
    .optional(),
  embeddingsModel: z.string().max(200, 'the name of a model').optional(),
  embeddingsApiKey: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'text without spaces or characters outside ASCII')
    .optional(),
};
