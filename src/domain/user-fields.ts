import { text } from './identifiers.ts';

const EMAIL_MAX_BYTES = 320;
const NAME_MAX_BYTES = 1024;

/** The fields of a user other than its metadata. */
export const userFields = {
  email: text('The e-mail address', 1, EMAIL_MAX_BYTES, (value) =>
    /.@./su.test(value) ? undefined : 'must be an e-mail address, such as ada@example.org',
  ),
  first_name: text('The first name', 1, NAME_MAX_BYTES),
  last_name: text('The last name', 1, NAME_MAX_BYTES),
};
