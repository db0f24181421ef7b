/** What other programs call the two roles of a conversation. */
const ALIASES: Readonly<Record<string, string>> = {
  human: 'user',
  ai: 'assistant',
  model: 'assistant',
  bot: 'assistant',
};

/**
 * The role by which messages are compared: without white space around it, in lower case, and under
 * its usual name. Messages keep their role as it was sent.
 */
export function canonicalRole(role: string): string {
  const plain = role.trim().toLowerCase();
  return Object.hasOwn(ALIASES, plain) ? (ALIASES[plain] as string) : plain;
}

/** Whether a word is in a role, between spaces or at its ends. */
export const hasRoleWord = (role: string, word: string): boolean =>
  ` ${role} `.includes(` ${word} `);
