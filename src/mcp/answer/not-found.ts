import { quoted } from '../../domain/errors.ts';
import type { DeletionFact, FactOf, SessionDeletionFact } from '../../services/errors.ts';
import { type Audience, firstOffered, ifOffered } from './audience.ts';

/** The text for a session that does not exist, or is deleted: what happened, and the way back. */
export function sessionNotFoundText(
  { session_id, deletion }: FactOf<'session_not_found'>,
  audience: Audience,
): string {
  return deletion === undefined
    ? `There is no session ${quoted(session_id)}. Check the session_id${firstOffered(audience, BEGINS_SESSION)}${ifOffered(audience, [['list_sessions', '; list_sessions shows what there is']])}.`
    : `Session ${quoted(session_id)} ${deletedSessionText(deletion, audience)}`;
}

/** The text for a session identifier that is taken. */
export function sessionExistsText(
  { session_id, deletion }: FactOf<'session_exists'>,
  audience: Audience,
): string {
  return deletion === undefined
    ? `Session ${quoted(session_id)} exists already. Use it as it is${ifOffered(audience, [
        ['update_session', ', give it a user or a title with update_session'],
        ['update_session_metadata', ', change its metadata with update_session_metadata'],
      ])}, or choose another session_id.`
    : `Session ${quoted(session_id)} exists: it ${deletedSessionText(deletion, audience)}`;
}

/** The text for a user that does not exist, or is deleted. */
export function userNotFoundText(
  { user_id, deletion }: FactOf<'user_not_found'>,
  audience: Audience,
): string {
  if (deletion !== undefined) {
    return `User ${quoted(user_id)} ${deletedUserText(deletion, audience)}`;
  }
  const pin = audience.caller.user_id;
  const remedy =
    pin === undefined
      ? `Check the user_id${ifOffered(audience, [
          ['add_user', ', or create it with add_user'],
          ['list_users', '; list_users shows whom there is'],
        ])}.`
      : `Your credential is for the user ${quoted(pin)}, who comes to be with the first session.`;
  return `There is no user ${quoted(user_id)}. ${remedy}`;
}

/** The text for a user identifier that is taken. */
export function userExistsText(
  { user_id, deletion }: FactOf<'user_exists'>,
  audience: Audience,
): string {
  return deletion === undefined
    ? `User ${quoted(user_id)} exists already. Use it as it is${ifOffered(audience, [['update_user', ', change it with update_user']])}, or choose another user_id.`
    : `User ${quoted(user_id)} exists: it ${deletedUserText(deletion, audience)}`;
}

function deletedSessionText(deletion: SessionDeletionFact, audience: Audience): string {
  const { deletedOwner: owner } = deletion;
  const remedy =
    owner === undefined
      ? `${restoreSession(audience, 'Call', 'Ask')} to bring it back with its messages.${ifOffered(audience, [['add_memory', ' add_memory would bring it back without them; they could still be put back then.']])}`
      : owner.deleted_at === deletion.deleted_at
        ? `Its user ${quoted(owner.user_id)} is deleted: ${restoreUser(audience)} to bring both back.`
        : `Its user ${quoted(owner.user_id)} is deleted too: ${restoreUser(audience)}, then ${restoreSession(audience, 'call', 'ask')}.`;
  return `${undoText(deletion)} ${remedy}`;
}

function deletedUserText(deletion: DeletionFact, audience: Audience): string {
  return `${undoText(deletion)} To bring it back with its sessions, ${restoreUser(audience)}.`;
}

/** What follows the name of a deleted record: since when, and until when it can be restored. */
export function undoText({ deleted_at, purge_at }: DeletionFact): string {
  return purge_at === undefined
    ? `was deleted at ${deleted_at} and is kept until it is restored.`
    : `was deleted at ${deleted_at} and can be restored until ${purge_at}, when it is purged.`;
}

/** The way to begin a session, for a caller who looked for one. */
const BEGINS_SESSION = [
  ['add_session', ', or create it with add_session'],
  ['add_memory', ', or begin it with add_memory'],
] as const;

/** A read-only caller does not have the tools that restore, nor does one whose toolsets leave them out. */
const callOrAsk = (audience: Audience, tool: string, call: string, ask: string) =>
  firstOffered(
    audience,
    [[tool, `${call} ${tool}`]],
    `${ask} whoever runs the server to call ${tool}`,
  );

const restoreSession = (audience: Audience, call: string, ask: string) =>
  callOrAsk(audience, 'restore_session', call, ask);

const restoreUser = (audience: Audience) => callOrAsk(audience, 'restore_user', 'call', 'ask');
