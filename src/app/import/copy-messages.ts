import { jsonBytes } from '../../domain/metadata.ts';
import { forEachConcurrently } from './concurrent.ts';
import { type Import, named } from './copy-users.ts';
import { type ImportedMessage, toMessage } from './records.ts';

/** How many messages are looked up at once. */
const LOOK_UPS = 16;

/** About how much one append brings, in bytes. */
const APPEND_MAX_BYTES = 4 * 1024 * 1024;

/** What became of the messages of a session. */
export interface CopiedMessages {
  added: number;
  /** How many were here before. */
  found: number;
  /** How many the old server sent, whether or not they could be kept. */
  received: number;
  /** The message here that a summary reaches to. */
  summarizedSeq: number | undefined;
}

/**
 * Appends the messages of a session that are not here, in their order.
 *
 * @param session.what the name of the session in the report
 * @param session.mayHave whether some of the messages may be here
 * @param session.recent the last message that the summary covers, if there is one
 */
export async function copyMessages(
  { source, target, report, onStep }: Import,
  session: { id: string; what: string; mayHave: boolean; recent: string | undefined },
): Promise<CopiedMessages> {
  const { id, what, mayHave, recent } = session;
  const copied: CopiedMessages = { added: 0, found: 0, received: 0, summarizedSeq: undefined };
  let deleted = 0;
  let reached: number | undefined;

  const pages = source.messages(id, {
    onTooLong: (place) =>
      report.leftOut(`message ${place} of ${what}`, 'the answer with it is too long to be read'),
    onMissing: (received, total) =>
      report.leftOut(
        what,
        `the old server says that it has ${total} messages, and sent ${received}`,
        total - received,
      ),
  });
  for await (const records of pages) {
    const messages: ImportedMessage[] = [];
    for (const record of records) {
      const message = toMessage(record, source.api, Date.now());
      if ('problem' in message) {
        report.refused(`${named('message', record.uuid)} of ${what}`, message);
      } else if (!messages.some(({ uuid }) => uuid === message.uuid)) {
        messages.push(message);
      }
    }
    copied.received += records.length;
    const seqs = new Map<string, number>();
    const fresh: ImportedMessage[] = [];
    const known = new Map<string, Awaited<ReturnType<typeof target.message>>>();
    await forEachConcurrently(mayHave ? messages : [], LOOK_UPS, async ({ uuid }) => {
      known.set(uuid, await target.message(id, uuid));
    });
    for (const message of messages) {
      const found = known.get(message.uuid);
      if (found === undefined) fresh.push(message);
      else if ('seq' in found) seqs.set(message.uuid, found.seq);
      else deleted += 1;
    }
    copied.found += seqs.size;
    for (const some of inAppends(fresh)) {
      const result = await target.append(id, some);
      for (const { uuid, seq } of result.messages) seqs.set(uuid, seq);
      copied.added += some.length;
      report.imported('messages', some.length);
      if (result.revival !== undefined) {
        report.leftOut(
          what,
          'was deleted here during the import, and is live again with the messages that came after. restore_session brings the others back.',
        );
      }
      onStep('other');
    }
    for (const { uuid } of records) {
      reached = seqs.get(String(uuid).toLowerCase()) ?? reached;
      if (recent !== undefined && String(uuid).toLowerCase() === recent) {
        copied.summarizedSeq = reached;
      }
    }
  }
  report.present('messages', copied.found);
  if (deleted > 0) {
    report.leftOut(what, `${deleted} of its messages were deleted here, and stay so`, deleted);
  }
  return copied;
}

/** Messages in parts that are not too large for one append each. */
function* inAppends(messages: readonly ImportedMessage[]): Generator<ImportedMessage[]> {
  let part: ImportedMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = jsonBytes(message);
    if (part.length > 0 && bytes + size > APPEND_MAX_BYTES) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(message);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
