import type { ChangeEvent } from '../../services/events.ts';
import { messageResource } from './message.ts';
import type { ResourceKind } from './resource-uri.ts';
import { sessionResource } from './session.ts';
import { sessionMessagesResource } from './session-messages.ts';
import { userResource } from './user.ts';
import { userFactsResource } from './user-facts.ts';
import { userSessionsResource } from './user-sessions.ts';

/** Every kind of resource, in the order in which `resources/templates/list` shows them. */
export const RESOURCES: readonly ResourceKind[] = [
  sessionResource,
  sessionMessagesResource,
  messageResource,
  userResource,
  userSessionsResource,
  userFactsResource,
];

/** The URIs of the resources that a change affects. */
export function changedResources(changed: ChangeEvent): string[] {
  const sessionsOf = (user_id: string) => userSessionsResource.uri({ user_id });
  const factsOf = (user_id: string) => userFactsResource.uri({ user_id });
  if ('facts_of' in changed) return [factsOf(changed.facts_of)];
  if ('user_id' in changed) {
    const { user_id } = changed;
    return [userResource.uri({ user_id }), sessionsOf(user_id), factsOf(user_id)];
  }
  const { session_id, owner, listed } = changed;
  return [
    sessionResource.uri({ session_id }),
    sessionMessagesResource.uri({ session_id }),
    ...(listed && owner !== undefined ? [sessionsOf(owner)] : []),
  ];
}
