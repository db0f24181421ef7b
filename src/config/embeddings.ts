import { z } from 'zod';
import type { Setting } from './setting.ts';

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** The embeddings API that makes semantic search possible. */
export const EMBEDDING_SETTINGS = {
  embeddingsUrl: {
    env: 'EMBEDDINGS_URL',
    schema: z
      .string()
      .refine(isEndpoint, 'a URL that starts with http:// or https:// and has no user or password')
      .optional(),
    unset: 'lexical search only',
    help: 'Base URL of an OpenAI-compatible embeddings API, such as http://localhost:11434/v1 for Ollama. Turns semantic search on.',
  },
  embeddingsModel: {
    env: 'EMBEDDINGS_MODEL',
    schema: z.string().max(200, 'the name of a model').optional(),
    help: 'Embedding model, such as text-embedding-3-small or nomic-embed-text.',
  },
  embeddingsApiKey: {
    env: 'EMBEDDINGS_API_KEY',
    schema: z
      .string()
      .regex(/^[\x21-\x7e]+$/, 'text without spaces or characters outside ASCII')
      .optional(),
    help: 'API key for the embeddings API, if it requires one.',
    secret: true,
  },
} as const satisfies Record<string, Setting>;
