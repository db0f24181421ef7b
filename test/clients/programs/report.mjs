/** Prints the one line that the test reads. */
export const report = (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`);

/** What console.warn was called with: the clients say there that a server is too old for them. */
export function recordWarnings() {
  const warnings = [];
  console.warn = (...words) => warnings.push(words.join(' '));
  return warnings;
}

/** How a call is refused: the class of the client's own error, and the status where the error has it. */
export async function refusal(call) {
  try {
    await call();
    return { error: null };
  } catch (error) {
    return { error: error.constructor.name, status: error.code ?? error.statusCode ?? null };
  }
}

/** A record with the names of its fields as they are on the wire, and in Python. */
export function snake(value) {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  const inSnakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [inSnakeCase(name), snake(field)]),
  );
}
