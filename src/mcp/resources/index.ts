import type { Changed } from '../../services/services.ts';
import type { ResourceKind } from '../resource.ts';
import { messageResource } from './message.ts';
import { sessionResource } from './session.ts';
import { sessionMessagesResource } from './session-messages.ts';
import { userResource } from './user.ts';
import { userSessionsResource } from './user-sessions.ts';

/** Every kind of resource, in the order in which `resources/templates/list` shows them. */
export const RESOURCES: readonly ResourceKind[] = [
  sessionResource,
  sessionMessagesResource,
  messageResource,
  userResource,
  userSessionsResource,
];

/** The URIs of the resources that a change shows in. */
export function changedResources(changed: Changed): string[] {
  const { user_id } = changed;
  const ofUser = user_id === undefined ? [] : [userSessionsResource.uri({ user_id })];
  if (!('session_id' in changed))
    return [userResource.uri({ user_id: changed.user_id }), ...ofUser];
  const { session_id } = changed;
  return [
    sessionResource.uri({ session_id }),
    sessionMessagesResource.uri({ session_id }),
    ...ofUser,
  ];
}
