import { isRefusal } from '../../services/errors.ts';
import { nameOfUser } from '../../services/facts/entity-names.ts';
import type { RecordKind, RecordsByKind } from '../../services/facts/statements.ts';
import { RestError } from '../errors.ts';
import type { RestContext } from '../route.ts';
import { messageEpisode, toEpisode } from './graph-records.ts';

/** How many records an answer has that does not say how many are wanted. */
export const RECORDS_DEFAULT = 100;

/**
 * A record by its uuid, with its user: the routes that ask for it name none.
 *
 * @throws ServiceError NOT_FOUND if the caller may see none, or it is of another kind
 */
export async function recordOf<Kind extends RecordKind>(
  { caller, facts }: RestContext,
  kind: Kind,
  uuid: string,
): Promise<{ user_id: string; record: RecordsByKind[Kind] }> {
  const user_id = await facts.ownerOf(caller, uuid);
  return { user_id, record: await facts.getRecord(caller, user_id, kind, uuid) };
}

/**
 * A text that was kept, or a message that facts name as their source, with its user.
 *
 * @throws ServiceError NOT_FOUND if the caller may see none
 */
export async function episodeOf(context: RestContext, uuid: string) {
  try {
    const { user_id, record } = await recordOf(context, 'episode', uuid);
    return { user_id, episode: toEpisode(record) };
  } catch (error) {
    if (!isRefusal(error, 'facts_not_found')) throw error;
  }
  const { user_id, message } = await context.facts.findSource(context.caller, uuid);
  return { user_id, episode: messageEpisode(message) };
}

/**
 * The name of an entity that a request names or gives the uuid of. Without either, it is the user.
 *
 * @throws ServiceError NOT_FOUND for a uuid that no entity of the user has
 */
export async function nameOf(
  { caller, facts, users }: RestContext,
  user_id: string,
  name: string | undefined,
  uuid: string | undefined,
): Promise<string> {
  if (name !== undefined) return name;
  if (uuid !== undefined) return (await facts.findEntity(caller, user_id, uuid)).name;
  const own = nameOfUser(await users.get(caller, user_id));
  if (Buffer.byteLength(own) <= 256) return own;
  throw new RestError(
    'INVALID_ARGUMENT',
    'source_node_name: is needed, since the name of the user is too long for it.',
  );
}
