import { messageUuid, sessionId } from '../../domain/records.ts';
import { defineResource } from './resource-uri.ts';
import { sessionResource } from './session.ts';

export const messageResource = defineResource({
  name: 'message',
  title: 'Message',
  description: 'One message of a session, whole: its content and its metadata, however long.',
  path: 'session://{session_id}/messages/{uuid}',
  variables: { session_id: sessionId, uuid: messageUuid },
  mimeType: 'application/json',
  async read({ ids }, { caller, memory }) {
    const { session_id, uuid } = ids as { session_id: string; uuid: string };
    return JSON.stringify({ message: await memory.getMessage(caller, session_id, uuid) });
  },
  complete: sessionResource.complete,
});
