import { z } from 'zod';
import { text } from '../domain/identifiers.ts';
import { metadata } from '../domain/metadata.ts';
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from '../domain/pagination.ts';

const QUERY_MAX_BYTES = 1024;

/** A cursor of a search tells for each word how far the search has come. */
const CURSOR_MAX_LENGTH = 16_384;

const pageSize = z.int().min(1).max(PAGE_LIMIT_MAX).optional();

/** The arguments of every list: a cursor, or page numbers. */
export const pageArguments = {
  limit: pageSize.meta({ description: `How many to return; ${PAGE_LIMIT_DEFAULT} if left out.` }),
  cursor: z
    .string()
    .min(1)
    .max(CURSOR_MAX_LENGTH)
    .optional()
    .meta({ description: 'next_cursor of the page before; leave it out to start.' }),
  page_size: pageSize.meta({ description: 'With page_number, instead of limit and cursor.' }),
  page_number: z.int().min(1).optional().meta({ description: 'Counts from 1.' }),
  include_total: z
    .boolean()
    .optional()
    .meta({ description: 'Also return total_count, how many there are in all.' }),
};

/**
 * The filters and the order of the lists of sessions and users.
 *
 * @param orderBy the default order
 * @param words what `query` looks at
 */
export const listArguments = (orderBy: 'created_at' | 'updated_at', words: string) => ({
  query: text('The query', 1, QUERY_MAX_BYTES)
    .optional()
    .meta({ description: `Only those with these words, or beginnings of words, in ${words}.` }),
  metadata: metadata('Only those whose metadata has all of this.').optional(),
  order_by: z
    .enum(['created_at', 'updated_at'])
    .default(orderBy)
    .meta({ description: 'Whether the newest or the last changed come first.' }),
  order: z.enum(['desc', 'asc']).default('desc').meta({ description: 'desc: the latest first.' }),
  deleted: z
    .enum(['exclude', 'only'])
    .default('exclude')
    .meta({ description: 'only: the soft-deleted ones instead of the live ones.' }),
});

/** The fields of every list answer besides its records. */
export const pageResults = {
  next_cursor: z
    .string()
    .optional()
    .meta({ description: 'There are more: repeat the call with this as cursor.' }),
  total_count: z.int().optional(),
  advice: z.string().optional().meta({ description: 'What was not done as it was asked for.' }),
};

/** What to do where a list by words found nothing, or did not come to its end. */
export function listAdvice(
  { query }: { query?: string | undefined },
  found: number,
  scanned: number | undefined,
  offers: (tool: string) => boolean,
): string | undefined {
  if (scanned !== undefined) {
    return `Of ${scanned} records looked at, these are what was asked for, and there are more to look at: follow next_cursor.`;
  }
  if (query === undefined || found > 0) return undefined;
  const elsewhere = offers('search_memory')
    ? ', or ask search_memory, which looks at what was said'
    : '';
  return `None has a word that begins with each word of the query. Try fewer words${elsewhere}.`;
}
