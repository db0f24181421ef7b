import { quoted } from '../domain/errors.ts';
import { isRefusal } from '../services/errors.ts';
import { RestError } from './errors.ts';

/** To a client that adds a session, a missing user is a wrong argument. */
export function unknownUserIsInvalid(error: unknown): never {
  if (isRefusal(error, 'user_not_found')) {
    const user = quoted(error.fact.user_id);
    throw new RestError(
      'INVALID_ARGUMENT',
      `user not found: there is no user ${user}. Add the user first.`,
    );
  }
  throw error;
}
