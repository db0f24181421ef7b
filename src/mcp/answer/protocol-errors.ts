import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import { DomainError } from '../../domain/errors.ts';

/**
 * Waits for a call other than a tool call, and converts its `DomainError` to the JSON-RPC error
 * that the protocol defines.
 *
 * @param uri the requested resource: if it is missing, the error's `data` is exactly its URI
 */
export async function withProtocolErrors<T>(call: Promise<T>, uri?: string): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof DomainError ? toProtocolError(error, uri) : error;
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

/** The error for an invalid request. */
export function invalidParams(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
