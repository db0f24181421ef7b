import { quoted } from '../../domain/errors.ts';
import type { DeletionFact, Fact, SessionDeletionFact } from '../../services/errors.ts';
import type { Audience } from './audience.ts';

type FactOf<Kind extends Fact['kind']> = Extract<Fact, { kind: Kind }>;

/** The text for a session that does not exist, or is deleted: what happened, and the way back. */
export function sessionNotFoundText(
  { session_id, deletion }: FactOf<'session_not_found'>,
  audience: Audience,
): string {
  return deletion === undefined
    ? `There is no session ${quoted(session_id)}. Check the session_id, or create it with add_session; list_sessions shows what there is.`
    : `Session ${quoted(session_id)} ${deletedSessionText(deletion, audience)}`;
}

/** The text for a session identifier that is taken. */
export function sessionExistsText(
  { session_id, deletion }: FactOf<'session_exists'>,
  audience: Audience,
): string {
  return deletion === undefined
    ? `Session ${quoted(session_id)} exists already. Use it as it is, change it with update_session_metadata, or choose another session_id.`
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
      ? 'Check the user_id, or create it with add_user; list_users shows whom there is.'
      : `Your credential is for the user ${quoted(pin)}, who comes to be with the first session.`;
  return `There is no user ${quoted(user_id)}. ${remedy}`;
}

/** The text for a user identifier that is taken. */
export function userExistsText(
  { user_id, deletion }: FactOf<'user_exists'>,
  audience: Audience,
): string {
  return deletion === undefined
    ? `User ${quoted(user_id)} exists already. Use it as it is, change it with update_user, or choose another user_id.`
    : `User ${quoted(user_id)} exists: it ${deletedUserText(deletion, audience)}`;
}

function deletedSessionText(deletion: SessionDeletionFact, audience: Audience): string {
  const { deletedOwner: owner } = deletion;
  const remedy =
    owner === undefined
      ? 'Call restore_session to bring it back with its messages. add_memory would bring it back without them; restore_session could still put them back then.'
      : owner.deleted_at === deletion.deleted_at
        ? `Its user ${quoted(owner.user_id)} is deleted: ${restoreUser(audience)} to bring both back.`
        : `Its user ${quoted(owner.user_id)} is deleted too: ${restoreUser(audience)}, then call restore_session.`;
  return `${undoText(deletion)} ${remedy}`;
}

function deletedUserText(deletion: DeletionFact, audience: Audience): string {
  return `${undoText(deletion)} To bring it back with its sessions, ${restoreUser(audience)}.`;
}

function undoText({ deleted_at, purge_at }: DeletionFact): string {
  return purge_at === undefined
    ? `was deleted at ${deleted_at} and is kept until it is restored.`
    : `was deleted at ${deleted_at} and can be restored until ${purge_at}, when it is purged.`;
}

/** A caller who is pinned to a user has no tool to restore users. */
const restoreUser = ({ caller }: Audience) =>
  caller.user_id === undefined
    ? 'call restore_user'
    : 'ask whoever runs the server to call restore_user';
