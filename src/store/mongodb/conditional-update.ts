/** How often to try an update while somebody else keeps changing the document. */
const MAX_ATTEMPTS = 20;

/**
 * Updates a document, or finds it if the update does not apply. These are two commands, and somebody may
 * delete or restore the document between them. Then the document found does not explain the refusal,
 * and the update is tried again.
 *
 * @param update returns `null` if no document matches its condition
 * @param find finds the document in whatever state
 * @param applies whether the update would apply to the document found
 */
export async function updateOrFind<T>(
  update: () => Promise<T | null>,
  find: () => Promise<T | null>,
  applies: (found: T) => boolean,
): Promise<{ applied: true; document: T } | { applied: false; document: T | null }> {
  for (let count = 1; ; count++) {
    const updated = await update();
    if (updated !== null) return { applied: true, document: updated };
    const found = await find();
    if (found === null || !applies(found) || count === MAX_ATTEMPTS) {
      return { applied: false, document: found };
    }
  }
}
