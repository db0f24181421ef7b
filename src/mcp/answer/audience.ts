import type { Caller } from '../../services/caller.ts';

/** The reader of a text. Texts mention only what that caller can do. */
export interface Audience {
  caller: Caller;
  /** Whether the caller has the tool of that name. */
  offers(tool: string): boolean;
}

/**
 * The texts whose tools the caller has, joined to one.
 *
 * @param options a text for each tool that it mentions
 */
export function ifOffered(
  audience: Audience,
  options: readonly (readonly [tool: string, text: string])[],
): string {
  return options.flatMap(([tool, text]) => (audience.offers(tool) ? [text] : [])).join('');
}

/** The first text whose tool the caller has, or `otherwise`. */
export function firstOffered(
  audience: Audience,
  options: readonly (readonly [tool: string, text: string])[],
  otherwise = '',
): string {
  return options.find(([tool]) => audience.offers(tool))?.[1] ?? otherwise;
}
