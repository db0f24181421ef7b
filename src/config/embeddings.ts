import type { Setting } from './setting.ts';
import { apiKey, endpointUrl, modelName } from './values.ts';

/** The embeddings API that makes semantic search possible. */
export const EMBEDDING_SETTINGS = {
  embeddingsUrl: {
    env: 'EMBEDDINGS_URL',
    schema: endpointUrl.optional(),
    unset: 'lexical search only',
    help: 'Base URL of an OpenAI-compatible embeddings API, such as http://localhost:11434/v1 for Ollama. Turns semantic search on.',
  },
  embeddingsModel: {
    env: 'EMBEDDINGS_MODEL',
    schema: modelName.optional(),
    help: 'Embedding model, such as text-embedding-3-small or nomic-embed-text.',
  },
  embeddingsApiKey: {
    env: 'EMBEDDINGS_API_KEY',
    schema: apiKey.optional(),
    help: 'API key for the embeddings API, if it requires one.',
    secret: true,
  },
} as const satisfies Record<string, Setting>;
