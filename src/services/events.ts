/** A record that an acknowledged call has changed. */
export type ChangeEvent = UserChangeEvent | SessionChangeEvent;

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
