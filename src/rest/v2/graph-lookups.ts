import type { Entity } from '../../domain/facts.ts';
import type { Message } from '../../domain/records.ts';
import { ServiceError } from '../../services/errors.ts';
import {
  type Episode,
  type StoredFact,
  toEntity,
  toEpisode,
  toFact,
} from '../../services/facts/statements.ts';
import { RestError } from '../errors.ts';
import type { RestContext } from '../route.ts';

/** What a kind of record is made from: one message. */
type Reader<T> = (message: Message) => T | undefined;

/**
 * A record of a user by its uuid, with the user. These routes name no user.
 *
 * @throws ServiceError NOT_FOUND if the caller may see none, or it is of another kind
 */
async function recordOf<T>(
  { caller, facts }: RestContext,
  uuid: string,
  read: Reader<T>,
): Promise<{ user_id: string; record: T }> {
  const user_id = await facts.ownerOf(caller, uuid);
  const record = read(await facts.getRecord(caller, user_id, uuid));
  if (record !== undefined) return { user_id, record };
  throw new ServiceError({ kind: 'facts_not_found', uuids: [uuid] });
}

export const factOf = (context: RestContext, uuid: string) =>
  recordOf<StoredFact>(context, uuid, toFact);

export const entityOf = (context: RestContext, uuid: string) =>
  recordOf<Entity>(context, uuid, toEntity);

export const episodeOf = (context: RestContext, uuid: string) =>
  recordOf<Episode>(context, uuid, toEpisode);

/**
 * The name of an entity that a request names or gives the uuid of. Without either, it is the user.
 *
 * @throws ServiceError NOT_FOUND for a uuid that no entity of the user has
 */
export async function nameOf(
  context: RestContext,
  user_id: string,
  name: string | undefined,
  uuid: string | undefined,
): Promise<string> {
  if (name !== undefined) return name;
  const { caller, facts, users } = context;
  if (uuid !== undefined) return (await facts.getEntity(caller, user_id, { uuid })).entity.name;
  const { first_name, last_name } = await users.get(caller, user_id);
  const names = [first_name, last_name].filter((part) => part !== undefined);
  const own = names.length > 0 ? names.join(' ') : user_id;
  if (Buffer.byteLength(own) <= 256) return own;
  throw new RestError(
    'INVALID_ARGUMENT',
    'source_node_name: is needed, since the name of the user is too long for it.',
  );
}
