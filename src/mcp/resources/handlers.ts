import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  type Server,
} from '@modelcontextprotocol/server';
import type { DomainError } from '../../domain/errors.ts';
import type { Logger } from '../../logger.ts';
import { asDomainError } from '../run-tool.ts';
import type { ToolContext } from '../tool.ts';
import { RESOURCES } from './index.ts';
import { listedSession } from './session.ts';

/** How many completions the protocol allows in one answer. */
const MAX_COMPLETIONS = 100;

/** Puts the resources on a server: what there is, what it says, and completion of identifiers. */
export function serveResources(server: Server, context: ToolContext, logger: Logger): void {
  const boundary = async <T>(
    operation: string,
    work: () => Promise<T>,
    uri?: string,
  ): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      throw toProtocolError(asDomainError(error, operation, logger), uri);
    }
  };

  server.setRequestHandler('resources/list', (request) =>
    boundary('resources/list', async () => {
      const page = await context.sessions.list(context.caller, {
        order_by: 'updated_at',
        order: 'desc',
        deleted: 'exclude',
        cursor: request.params?.cursor,
      });
      return {
        resources: page.sessions.map(listedSession),
        ...(page.next_cursor !== undefined && { nextCursor: page.next_cursor }),
      };
    }),
  );

  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: RESOURCES.map(({ name, title, description, uriTemplate, mimeType }) => ({
      name,
      title,
      description,
      uriTemplate,
      mimeType,
    })),
  }));

  server.setRequestHandler('resources/read', (request) => {
    const { uri } = request.params;
    return boundary(
      'resources/read',
      async () => {
        for (const kind of RESOURCES) {
          const id = kind.match(uri);
          if (id === undefined) continue;
          const text = await kind.read(id, context);
          return { contents: [{ uri, mimeType: kind.mimeType, text }] };
        }
        throw new ResourceNotFoundError(
          uri,
          `There is no resource ${uri.slice(0, 200)}. resources/list shows what there is; identifiers are percent-encoded.`,
        );
      },
      uri,
    );
  });

  server.setRequestHandler('completion/complete', (request) =>
    boundary('completion/complete', async () => {
      const { ref, argument } = request.params;
      const kind = RESOURCES.find(
        ({ uriTemplate, variable }) =>
          ref.type === 'ref/resource' && ref.uri === uriTemplate && argument.name === variable,
      );
      if (kind === undefined) {
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          'There is nothing to complete under that reference. resources/templates/list shows what can be completed.',
        );
      }
      const found = await kind.complete(argument.value, MAX_COMPLETIONS + 1, context);
      return {
        completion: {
          values: found.slice(0, MAX_COMPLETIONS),
          hasMore: found.length > MAX_COMPLETIONS,
        },
      };
    }),
  );
}

/** The JSON-RPC error for a `DomainError`; a missing resource has `data` of exactly its URI. */
function toProtocolError(error: DomainError, uri: string | undefined): ProtocolError {
  if (error.code === 'NOT_FOUND' && uri !== undefined) {
    return new ResourceNotFoundError(uri, error.message);
  }
  const code =
    error.code === 'INVALID_ARGUMENT' || error.code === 'NOT_FOUND'
      ? ProtocolErrorCode.InvalidParams
      : ProtocolErrorCode.InternalError;
  return new ProtocolError(code, error.message, { code: error.code, retryable: error.retryable });
}
