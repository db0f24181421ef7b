import { z } from 'zod';
import { metadata } from '../domain/metadata.ts';
import { userId } from '../domain/records.ts';
import { userFields } from '../domain/user-fields.ts';

const { email, first_name, last_name } = userFields;

const fields = {
  email: email.optional(),
  first_name: first_name.optional(),
  last_name: last_name.optional(),
  metadata: metadata('Any JSON object.').optional(),
};

/** The body of a request that adds a user. */
export const newUser = z.object({ user_id: userId, ...fields });

/** The body of a request that changes a user. */
export const userChanges = z.object(fields);
