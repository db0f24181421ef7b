import { SourceError } from './error.ts';

/** Records of the old server, as it sent them. */
export type RawRecord = Readonly<Record<string, unknown>>;

/** A page of a list that has numbered pages, and how many records all of them have. */
export interface NumberedPage {
  records: RawRecord[];
  total: number;
}

/** What cannot be told in the pages themselves. */
export interface PagingEvents {
  /** A record is too long for an answer, and was passed over. */
  onTooLong(place: number): void;
  /** The server has sent fewer records than it says it has. */
  onMissing(received: number, total: number): void;
}

/** The size of a page. A power of two, so that half a page begins where a whole one does. */
const PAGE_SIZE = 128;

/** How many records that are too long may follow each other. A server that sends nothing else is given up. */
const TOO_LONG_MAX = 20;

/** After so many pages that were not too long, pages that were made smaller become larger again. */
const STREAK = 4;

/**
 * Goes along a list that has numbered pages. Where a page is too long for one answer, the pages become
 * smaller. A server that sends fewer records than it was asked for is taken at its own size.
 *
 * @param read reads a page, from number 1 on
 */
export async function* numberedPages(
  read: (page: number, size: number) => Promise<NumberedPage>,
  { onTooLong, onMissing }: PagingEvents,
): AsyncGenerator<RawRecord[]> {
  let [size, maxSize] = [PAGE_SIZE, PAGE_SIZE];
  let [offset, total, received] = [0, 0, 0];
  let [streak, tooLong] = [0, 0];
  let previous = '';
  for (;;) {
    const page = await read(offset / size + 1, size).catch(tooMuch(size));
    if (page === undefined) {
      streak = 0;
      if (size > 1) {
        size = fitting(offset, Math.floor(size / 2));
        continue;
      }
      if (++tooLong > TOO_LONG_MAX) throw endless();
      onTooLong(++offset);
      received++;
      continue;
    }
    tooLong = 0;
    const { records } = page;
    // Some servers count nothing behind the end.
    if (records.length > 0) total = page.total;
    // A server that does not turn the page would be read for ever.
    const first = JSON.stringify(records[0] ?? null);
    if (records.length === 0 || first === previous) break;
    // Larger pages than the first may be more than the server sends, and it may count in its own.
    if (previous === '') maxSize = records.length;
    previous = first;
    received += records.length;
    yield records;
    offset += records.length;
    streak += 1;
    if (records.length < size) {
      if (offset >= total) break;
      maxSize = records.length;
    }
    const wanted = streak >= STREAK ? 2 * size : size;
    const next = fitting(offset, Math.min(wanted, maxSize));
    if (next > size) streak = 0;
    size = next;
  }
  if (received < total) onMissing(received, total);
}

/** The largest size of pages, up to a given one, of which one begins at an offset. */
function fitting(offset: number, most: number): number {
  let size = most;
  while (offset % size !== 0) size--;
  return size;
}

/**
 * Takes the error of a page that has too much for one answer: for this side, or for the server, which refuses
 * it. Where the page is one record, a refusal has another reason.
 */
const tooMuch =
  (size: number) =>
  (error: unknown): undefined => {
    const { problem, status } = error instanceof SourceError ? error : {};
    const isRefused = size > 1 && (status === 400 || status === 413);
    if (problem !== 'too_long' && !isRefused) throw error;
  };

/**
 * Goes along a list of the first generation, oldest first. Its cursor is the `id` of the last record with
 * some servers, and how many records to skip with others. Both are the same until a record was deleted,
 * and skipping as many as have been seen misses none with either: records that come again show that it is
 * the `id`, which is used from then on.
 *
 * @param key the field that identifies a record
 */
export async function* cursorPages(
  read: (limit: number, cursor: number) => Promise<RawRecord[]>,
  key: string,
): AsyncGenerator<RawRecord[]> {
  let limit = PAGE_SIZE;
  let count = 0;
  let lastId = 0;
  let byId = false;
  let previous: ReadonlySet<unknown> = new Set();
  for (;;) {
    const records = await read(limit, byId ? lastId : count).catch(tooMuch(limit));
    if (records === undefined) {
      if (limit === 1) throw unreadable(key);
      limit = Math.floor(limit / 2);
      continue;
    }
    if (records.length === 0) return;
    const fresh = records.filter((record) => !previous.has(record[key]));
    if (fresh.length < records.length) {
      if (byId || lastId === 0) throw endless();
      byId = true;
    }
    for (const { id } of records) {
      if (typeof id === 'number' && id > lastId) lastId = id;
    }
    if (fresh.length === 0) continue;
    previous = new Set(records.map((record) => record[key]));
    count += fresh.length;
    yield fresh;
  }
}

const unreadable = (key: string) =>
  new SourceError(
    'too_long',
    `The old server has a record with a ${key} that is too long to be read.`,
  );

const endless = () =>
  new SourceError(
    'foreign',
    'The old server sends the same again and again. Its list cannot be read to the end.',
  );
