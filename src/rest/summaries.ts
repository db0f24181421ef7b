import { z } from 'zod';
import { derivedUuid } from '../domain/derived-uuid.ts';
import { metadata } from '../domain/metadata.ts';
import { type Session, type Summary, timestamp } from '../domain/records.ts';
import { estimateTokens } from '../services/append.ts';
import type { RestContext } from './route.ts';

/** A summary as both generations know it. */
export const summary = z.object({
  uuid: z.string(),
  created_at: timestamp,
  content: z.string(),
  recent_message_uuid: z.string(),
  metadata: metadata('Always empty.'),
  token_count: z.int(),
});

/**
 * A summary as the clients know it. What the record does not have is made from it: the uuid is always
 * the same for the same summary, and the message is the last one that it covers.
 */
export async function toSummary(
  { caller, memory }: RestContext,
  session: Session,
  { content, created_at, up_to_seq }: Summary,
): Promise<z.input<typeof summary>> {
  const { messages } = await memory.list(caller, session.session_id, {
    ...{ order: 'desc', from_seq: up_to_seq, limit: 1 },
  });
  return {
    uuid: derivedUuid('summary', session.uuid, up_to_seq, created_at),
    created_at,
    content,
    recent_message_uuid: messages[0]?.uuid ?? '',
    metadata: {},
    token_count: estimateTokens(content),
  };
}
