import type { Changed } from '../../services/services.ts';
import type { ResourceKind } from '../resource.ts';
import { sessionResource } from './session.ts';
import { sessionMessagesResource } from './session-messages.ts';
import { userResource } from './user.ts';
import { userSessionsResource } from './user-sessions.ts';

/** Every kind of resource, in the order in which `resources/templates/list` shows them. */
export const RESOURCES: readonly ResourceKind[] = [
  sessionResource,
  sessionMessagesResource,
  userResource,
  userSessionsResource,
];

/** The URIs of the resources that a change shows in. */
export function changedResources(changed: Changed): string[] {
  const { user_id } = changed;
  const ofUser = user_id === undefined ? [] : [userSessionsResource.uri(user_id)];
  return 'session_id' in changed
    ? [
        sessionResource.uri(changed.session_id),
        sessionMessagesResource.uri(changed.session_id),
        ...ofUser,
      ]
    : [userResource.uri(changed.user_id), ...ofUser];
}
