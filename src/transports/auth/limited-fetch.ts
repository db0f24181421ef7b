/** The longest response body. What an issuer publishes is a few kilobytes long. */
const BODY_MAX_BYTES = 1024 * 1024;

/**
 * `fetch` for short responses: resolves when the whole body has arrived, and stops receiving at
 * `BODY_MAX_BYTES`. The body of a response other than 200 is discarded.
 *
 * @throws Error when the body is too long, and whatever `fetch` throws
 */
export async function limitedFetch(url: string | URL, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  const { status } = response;
  if (status !== 200) {
    // Otherwise the connection would stay open until the body is read.
    await response.body?.cancel();
    return new Response(null, { status });
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) {
      throw new Error(`${url} answered more than ${BODY_MAX_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status });
}
