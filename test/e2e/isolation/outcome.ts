/**
 * The outcome of a call as text, to compare two calls: every byte of the answer or the error, without
 * the names that the caller sent and without uuids and times.
 *
 * @param names the names that the caller sent, which may be in the answer
 */
export async function outcome(
  work: Promise<unknown>,
  names: readonly string[],
  seen: (text: string) => void,
): Promise<string> {
  const answer = await work.then(
    (value) => ({ value }),
    ({ name, code, message, data }) => ({ name, code, message, data }),
  );
  const text = JSON.stringify(answer);
  seen(text);
  return names
    .toSorted((a, b) => b.length - a.length)
    .flatMap((name) => [encodeURIComponent(name), escaped(name), name])
    .reduce((rest, name) => rest.replaceAll(name, 'NAME'), text)
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
}

/** The name as it is in JSON inside JSON. */
const escaped = (text: string) => JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1);

/** The median. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}
