import { derivedUuid } from '../domain/derived-uuid.ts';
import type { Session, Summary } from '../domain/records.ts';
import { estimateTokens } from '../services/append.ts';
import type { RestContext } from './route.ts';

/**
 * A summary as both generations know it. What the record does not have is made from it: the uuid is always
 * the same for the same summary, and the message is the last one that it covers.
 */
export async function toSummary(
  { caller, memory }: RestContext,
  session: Session,
  { content, created_at, up_to_seq }: Summary,
) {
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
