import { z } from 'zod';
import { normalizeBefore } from '../domain/lenient-input.ts';
import { isObject, metadata } from '../domain/metadata.ts';
import { messageUuid, sessionId, userId } from '../domain/records.ts';

/** The parameters of paths. */
export const sessionPath = z.object({ session_id: sessionId });
export const messagePath = z.object({
  session_id: sessionId,
  message_uuid: messageUuid.meta({ format: 'uuid' }),
});
export const userPath = z.object({ user_id: userId });
export const uuidPath = z.object({ uuid: messageUuid });

const LIMIT_MAX = 1_000_000_000;

/** How many of a list are wanted; a request without it wants all. */
export const limit = z
  .int()
  .min(1)
  .max(LIMIT_MAX)
  .meta({ description: 'The most records of the answer.' });

/** A page of a list of the first generation. */
export const offsetQuery = z.object({
  limit: limit.optional(),
  cursor: z
    .int()
    .min(0)
    .max(LIMIT_MAX)
    .optional()
    .meta({ description: 'How many records to skip.' }),
});

/** A page of the messages of a session. */
export const messagesQuery = z.object({
  limit: limit.optional(),
  cursor: z
    .int()
    .min(1)
    .max(LIMIT_MAX)
    .optional()
    .meta({ description: 'The number of the page, from 1.' }),
});

/** The messages of a session's memory. */
export const memoryQuery = z.object({
  lastn: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'How many of the last messages; 12 by default.' }),
});

/** The patch of a message's metadata: some clients send it under its name, others as the whole body. */
export const patchBody = normalizeBefore(
  z.looseObject({ metadata: metadata('The changes.').default({}) }),
  (body) => (isObject(body) && !Object.hasOwn(body, 'metadata') ? { metadata: body } : body),
);

/** A page of a list of the second generation. */
export const numberedQuery = z.object({
  page_number: z.int().min(1).max(LIMIT_MAX).optional().meta({ description: 'From 1.' }),
  page_size: limit.optional(),
});

/** How many records a numbered page has, if its number alone is given. */
const PAGE_SIZE_DEFAULT = 100;

/**
 * How many records a numbered page has, and how many come before it. Without a number and a size, it is the
 * whole list.
 */
export function offsetOf({ page_number, page_size }: z.output<typeof numberedQuery>) {
  const limit = page_size ?? (page_number === undefined ? undefined : PAGE_SIZE_DEFAULT);
  return { limit, offset: limit === undefined ? 0 : ((page_number ?? 1) - 1) * limit };
}
