/** Resolves when a client has read what it was sent, or is `undefined` if that is now. */
export type WhenRead = () => Promise<void> | undefined;

/**
 * Returns what tells a client of changed resources no faster than it reads. What changes while it does
 * not is told once, however often it changed, so that no more waits than there are resources.
 *
 * @param tell tells of one, and resolves when that is on its way
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
