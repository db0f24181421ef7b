import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  ProtocolErrorCode,
  parseJSONRPCMessage,
  type RequestId,
} from '@modelcontextprotocol/server';
import { isObject } from '../domain/metadata.ts';

/** An error response. Its id is `null` where that of the request is not known. */
export interface ErrorResponse {
  jsonrpc: '2.0';
  id: RequestId | null;
  error: { code: number; message: string };
}

/** The error response to text that is no JSON. */
export function parseError(message: string): ErrorResponse {
  return { jsonrpc: '2.0', id: null, error: { code: ProtocolErrorCode.ParseError, message } };
}

/** The error response to JSON that is not a message that can be served. */
export function invalidRequest(message: string, id: RequestId | null = null): ErrorResponse {
  return { jsonrpc: '2.0', id, error: { code: ProtocolErrorCode.InvalidRequest, message } };
}

/**
 * Reads one message of JSON-RPC 2.0.
 *
 * @returns the message, or the response that says what is wrong with it, under its id if that is
 *   valid. It quotes nothing else of it.
 */
export function readMessage(
  json: unknown,
): { message: JSONRPCMessage } | { invalid: ErrorResponse } {
  try {
    return { message: parseJSONRPCMessage(json) };
  } catch {
    const id = isObject(json) && isId(json.id) ? json.id : null;
    return {
      invalid: invalidRequest(`This is no message of JSON-RPC 2.0: ${problemOf(json)}`, id),
    };
  }
}

/**
 * Whether JSON is meant as an error response. An error is never answered with an error: two peers
 * could go on forever.
 */
export function isError(json: unknown): boolean {
  return isObject(json) && 'error' in json && !('method' in json);
}

/** Whether a message is a request, which is answered. */
export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message;
}

/** What is wrong with JSON that is no message. */
function problemOf(json: unknown): string {
  if (!isObject(json)) return 'it has to be an object.';
  if (json.jsonrpc !== '2.0') return 'jsonrpc has to be "2.0".';
  if ('id' in json && !isId(json.id)) return 'id has to be a string or a whole number.';
  if (!('method' in json)) {
    return 'a request needs a method, and a response an id with either a result or an error.';
  }
  if (typeof json.method !== 'string') return 'method has to be a string.';
  if ('params' in json && !isObject(json.params)) return 'params has to be an object.';
  return 'it has a member of the wrong type, or one too many.';
}

function isId(id: unknown): id is RequestId {
  return typeof id === 'string' || Number.isSafeInteger(id);
}
