/**
 * Escapes U+2028 and U+2029 in JSON text. JSON allows them in strings, but some readers of lines
 * and of event streams take them for the end of a line.
 */
export function escapeLineSeparators(json: string): string {
  return json.replace(/[\u2028\u2029]/g, (separator) =>
    separator === '\u2028' ? '\\u2028' : '\\u2029',
  );
}
