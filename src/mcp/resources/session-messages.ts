import { invalidArgument } from '../../domain/errors.ts';
import { type Message, sessionId } from '../../domain/records.ts';
import { defineResource } from './resource-uri.ts';
import { sessionResource } from './session.ts';

const PAGE_MESSAGES = 50;

export const sessionMessagesResource = defineResource({
  name: 'session_messages',
  title: 'Transcript of a session',
  description:
    'The messages of a session as a transcript to read, 50 at a time; from_seq continues it.',
  path: 'session://{session_id}/messages',
  query: 'from_seq',
  variables: { session_id: sessionId },
  mimeType: 'text/markdown',
  async read({ ids, query }, { caller, memory }) {
    const from_seq = sequenceNumber(query.from_seq);
    const page = await memory.list(caller, ids.session_id as string, {
      order: 'asc',
      limit: PAGE_MESSAGES,
      from_seq,
    });
    const last = page.messages.at(-1);
    const more =
      page.next_cursor === undefined || last === undefined
        ? 'This is the end of the session.'
        : `It goes on at ${sessionMessagesResource.uri(ids)}?from_seq=${last.seq + 1}`;
    return [...page.messages.map(entry), more].join('\n\n');
  },
  complete: sessionResource.complete,
});

/** A message with its role. Its text is quoted, because it may try to look like another entry. */
function entry({ seq, role, content, parts, created_at, next_content_offset }: Message): string {
  const lines = parts?.map(
    (part) => `\n[${typeof part === 'string' ? part : JSON.stringify(part)}]`,
  );
  const text = [content, ...(lines ?? [])].join('').replace(/^/gm, '> ');
  const cut = next_content_offset === undefined ? '' : '\n(It is longer: list_messages shows all.)';
  return `**#${seq} ${JSON.stringify(role)}, ${created_at}**\n${text}${cut}`;
}

function sequenceNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw invalidArgument('from_seq has to be the sequence number of a message: 1 or more.');
}
