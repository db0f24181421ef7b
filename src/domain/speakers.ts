import { text } from './identifiers.ts';
import type { Json } from './metadata.ts';
import { canonicalRole } from './roles.ts';

/**
 * Speakers as the second generation of the original API has them: a type of role, and the name of who
 * speaks. The type is the role of the record. The name is kept beside the text, as a part `{"name": …}`,
 * where the APIs of models have it, too.
 */

/** The types of roles that the original API knows. */
export const ROLE_TYPES = ['norole', 'system', 'assistant', 'user', 'function', 'tool'] as const;
export type RoleType = (typeof ROLE_TYPES)[number];

/** The longest name of a speaker, in bytes: so much of what a message has beside its text is in every list. */
const NAME_MAX_BYTES = 256;

/** The name of a speaker. */
export const speakerName = text('The name of the speaker', 1, NAME_MAX_BYTES);

/**
 * The role and the parts of a message to be stored. A name is kept also if it is that of the type. Without a
 * type, it is that of the name, if the name is one.
 */
export function storedSpeaker(given: {
  role?: string | undefined;
  role_type?: RoleType | undefined;
}): { role: RoleType; parts?: Json[] } {
  const { role: name, role_type } = given;
  const own = ROLE_TYPES.find((type) => name !== undefined && type === canonicalRole(name));
  const type = role_type ?? own ?? 'norole';
  return { role: type, ...(name !== undefined && { parts: [{ name }] }) };
}

/** The type and the name of a stored message. A role that is no type, such as `Human`, is a name. */
export function shownSpeaker(stored: { role: string; parts?: readonly Json[] | undefined }): {
  role: string | undefined;
  role_type: RoleType;
} {
  const { role, parts } = stored;
  const type = ROLE_TYPES.find((known) => known === canonicalRole(role));
  const name = parts?.map(nameIn).find((found) => found !== undefined);
  return { role: name ?? (role === type ? undefined : role), role_type: type ?? 'norole' };
}

/** The name of the speaker, if a part is that. */
function nameIn(part: unknown): string | undefined {
  if (typeof part !== 'object' || part === null || !('name' in part)) return undefined;
  const isName = Object.keys(part).length === 1 && typeof part.name === 'string';
  return isName ? (part.name as string) : undefined;
}
