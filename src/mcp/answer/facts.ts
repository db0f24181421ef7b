import type { z } from 'zod';
import { fact } from '../../domain/facts.ts';
import type { StoredFact } from '../../services/facts/statements.ts';

/** A fact as answers show it: without what only programs look at. */
export const shownFact = fact.omit({ created_at: true });

/** Shows a fact with the names of its entities. */
export function showFact(stored: StoredFact): z.output<typeof shownFact> {
  const { created_at: _, subject, object, ...rest } = stored;
  return { ...rest, subject: subject.name, object: object.name };
}
