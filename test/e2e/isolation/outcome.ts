/**
 * What a call comes to, as text that two calls can be compared by: the answer or the error, every
 * byte of it, but for what the caller said and what differs by nature.
 *
 * @param names what the caller said, which may stand in the answer
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

/** As it stands in JSON that is text within JSON. */
const escaped = (text: string) => JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1);

/** The middle one. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}
