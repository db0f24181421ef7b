/** Names that other software has for the roles of a conversation between a user and an assistant. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['ai', 'assistant'],
  ['model', 'assistant'],
  ['bot', 'assistant'],
]);

/** The role that a role means, whatever its case, the spaces around it, and the software it comes from. */
export function canonicalRole(role: string): string {
  const plain = role.trim().toLowerCase();
  return ALIASES.get(plain) ?? plain;
}
