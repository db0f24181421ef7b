/** What an issuer publishes is a few kilobytes; more than this, in bytes, is no answer of one. */
const ANSWER_MAX_BYTES = 1024 * 1024;

/**
 * `fetch` for answers that are short: it resolves when the body is there, too, and what is beyond the
 * limit is not received.
 *
 * @throws Error when the answer is too long, and what `fetch` throws
 */
export async function limitedFetch(url: string | URL, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  const { status } = response;
  if (status !== 200) {
    // Else the connection would wait for somebody to read on.
    await response.body?.cancel();
    return new Response(null, { status });
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) {
      throw new Error(`${url} answered more than ${ANSWER_MAX_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status });
}
