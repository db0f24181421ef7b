/** A record that an acknowledged call has changed. */
export type ChangeEvent = UserChangeEvent | SessionChangeEvent | FactsChangeEvent;

interface UserChangeEvent {
  user_id: string;
}

interface SessionChangeEvent {
  session_id: string;
  /** The user whom the session belongs to, if any. */
  owner: string | undefined;
  /** Whether the list of the owner's sessions changes too, and no other event says so. */
  listed: boolean;
}

interface FactsChangeEvent {
  /** The user whose facts have changed. */
  facts_of: string;
}

/** The user whom a change concerns; `undefined` for a session that has none. */
export function ownerOf(event: ChangeEvent): string | undefined {
  if ('facts_of' in event) return event.facts_of;
  return 'owner' in event ? event.owner : event.user_id;
}
