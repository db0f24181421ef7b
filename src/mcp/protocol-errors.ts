import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import type { DomainError } from '../domain/errors.ts';
import type { Logger } from '../logger.ts';
import { asDomainError } from './run-tool.ts';

/**
 * The error boundary of everything that is no tool: whatever `work` throws leaves as the JSON-RPC
 * error that the protocol names.
 *
 * @param uri the resource asked for: if it is missing, the error's `data` is exactly its URI
 */
export async function withProtocolErrors<T>(
  operation: string,
  logger: Logger,
  work: () => Promise<T>,
  uri?: string,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw toProtocolError(asDomainError(error, operation, logger), uri);
  }
}

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

/** For a request that cannot be served as it is. */
export function invalidParams(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
