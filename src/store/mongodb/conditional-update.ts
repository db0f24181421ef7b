/** How often a change is tried whose target keeps changing under it. */
const MAX_ATTEMPTS = 20;

/**
 * Makes a change, or finds out what stands in its way. The two are two commands, and somebody may
 * delete or restore the document between them: then what is found gives no reason for the refusal,
 * and the change is tried again.
 *
 * @param attempt makes the change; `null` if there was nothing that it applies to
 * @param look finds the document in whatever state it is
 * @param applies whether the change would apply to what was found
 */
export async function updateOrFind<T>(
  attempt: () => Promise<T | null>,
  look: () => Promise<T | null>,
  applies: (found: T) => boolean,
): Promise<{ applied: true; document: T } | { applied: false; document: T | null }> {
  for (let count = 1; ; count++) {
    const changed = await attempt();
    if (changed !== null) return { applied: true, document: changed };
    const found = await look();
    if (found === null || !applies(found) || count === MAX_ATTEMPTS) {
      return { applied: false, document: found };
    }
  }
}
