/**
 * The parameters of a query. The clients spell some of them in two ways, and send empty ones for what they
 * leave out.
 *
 * @param text what follows the question mark
 */
export function queryOf(text: string): Record<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(text)) {
    if (value !== '')
      found.set(
        key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value,
      );
  }
  return Object.fromEntries(found);
}
