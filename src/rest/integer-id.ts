/**
 * The number that the clients of the first generation know a session or user by: the last 52 bits of its
 * uuid, which are random. It never changes, and needs no place in the store.
 */
export function integerId(uuid: string): number {
  return Number.parseInt(uuid.replaceAll('-', '').slice(-13), 16);
}
