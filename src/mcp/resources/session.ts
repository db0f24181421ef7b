import { type Session, sessionId } from '../../domain/records.ts';
import { defineResource } from './resource-uri.ts';

export const sessionResource = defineResource({
  name: 'session',
  title: 'Session',
  description: 'One session: its metadata, its user, when it was used, how many messages it holds.',
  path: 'session://{session_id}',
  variables: { session_id: sessionId },
  mimeType: 'application/json',
  async read({ ids }, { caller, sessions }) {
    return JSON.stringify({ session: await sessions.get(caller, ids.session_id as string) });
  },
  complete: {
    session_id: (prefix, limit, { caller, sessions }) => sessions.complete(caller, prefix, limit),
  },
});

/** A session as `resources/list` shows it. */
export function listedSession(session: Session) {
  return {
    uri: sessionResource.uri({ session_id: session.session_id }),
    name: session.session_id,
    description: `${session.message_count} messages, last changed ${session.updated_at}`,
    mimeType: sessionResource.mimeType,
    annotations: { lastModified: session.updated_at },
  };
}
