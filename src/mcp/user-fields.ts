import { z } from 'zod';
import { text } from '../domain/identifiers.ts';

const NAME_MAX_BYTES = 1024;

/** The fields of a user other than its metadata. */
export const userFields = {
  email: z.email('must be an e-mail address, such as ada@example.org').max(320),
  first_name: text('The first name', 1, NAME_MAX_BYTES),
  last_name: text('The last name', 1, NAME_MAX_BYTES),
};
