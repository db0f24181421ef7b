/**
 * The facts about the users of a namespace are in a namespace of their own, which no caller can name: its
 * name ends with an invisible character, and no identifier has one. What is in it belongs to the same users:
 * a user's deletion, restoration and purge reach it.
 */
const SUFFIX = '\u2063facts';

/** The namespace of the facts about the users of a namespace. */
export const factNamespace = (namespace: string): string => namespace + SUFFIX;

/** The namespace whose users own the records of this one. */
export const userNamespace = (namespace: string): string =>
  namespace.endsWith(SUFFIX) ? namespace.slice(0, -SUFFIX.length) : namespace;

/** The namespaces in which a user of one has records. */
export const ownedNamespaces = (namespace: string): string[] => [
  namespace,
  factNamespace(namespace),
];
