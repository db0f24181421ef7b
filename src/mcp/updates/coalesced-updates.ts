/** Resolves when the client has read everything sent to it; `undefined` if it already has. */
export type WhenRead = () => Promise<void> | undefined;

/**
 * Returns a function that notifies a client of changed resources no faster than it reads. While the
 * client does not read, repeated changes of a resource are coalesced, so at most one notification
 * per resource is queued.
 *
 * @param tell sends one notification and resolves when it has been written
 */
export function coalesceUpdates(
  tell: (uri: string) => Promise<void>,
  whenRead: WhenRead = () => undefined,
): (uri: string) => void {
  const changed = new Set<string>();
  let telling = false;
  const tellAll = async () => {
    telling = true;
    for (const uri of changed) {
      const read = whenRead();
      if (read !== undefined) await read;
      changed.delete(uri);
      await tell(uri);
    }
    telling = false;
  };
  return (uri) => {
    changed.add(uri);
    if (!telling) void tellAll();
  };
}
