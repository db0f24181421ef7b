import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonBytes } from '../../../src/domain/metadata.ts';
import type { Message } from '../../../src/domain/records.ts';
import { TOOL_ANSWER } from '../../../src/mcp/answer/answer-shape.ts';
import { truncateContent, truncateMetadata } from '../../../src/services/context/truncate.ts';
import { awkwardObject } from '../../support/arbitraries.ts';

const message = (content: string, metadata: Message['metadata'] = {}): Message => ({
  uuid: '01a1fd24-303c-761f-bb3f-55f56f02c15b',
  session_id: 's',
  seq: 1,
  role: 'user',
  content,
  metadata,
  token_count: 1,
  created_at: '2100-01-01T00:00:00.000Z',
  updated_at: '2100-01-01T00:00:00.000Z',
});

/** Texts of characters with one to four bytes, one or two UTF-16 code units, and with escapes in JSON. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'é', '語', '😀', '🦊', '"', '\\', '\n', '\u0001', '\u2028'),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));

/** The largest character takes 6 bytes of JSON, and two quotes are around it. */
const maxBytes = fc.integer({ min: 8, max: 100 });

/** A character that was cut in two leaves half a surrogate pair. */
const hasHalfCharacter = (shown: string) => !shown.isWellFormed();

describe('truncated content', () => {
  it('is never longer than the limit, and no character of it is cut in two', () => {
    fc.assert(
      fc.property(text, maxBytes, fc.nat(80), (content, limit, offset) => {
        const shown = truncateContent(message(content), offset, limit);
        expect(jsonBytes(shown.content)).toBeLessThanOrEqual(limit);
        expect(hasHalfCharacter(shown.content)).toBe(false);
        expect(content.startsWith(shown.content, shown.content_offset ?? 0)).toBe(true);
      }),
    );
  });

  it('continues at next_content_offset, and its pieces are the whole', () => {
    fc.assert(
      fc.property(text, maxBytes, (content, limit) => {
        let offset: number | undefined = 0;
        let pieces = '';
        while (offset !== undefined) {
          const shown: Message = truncateContent(message(content), offset, limit);
          expect(shown.content_offset ?? 0).toBe(pieces.length);
          pieces += shown.content;
          offset = shown.next_content_offset;
          if (offset !== undefined) expect(offset).toBe(pieces.length);
          if (content !== '') expect(shown.content).not.toBe('');
        }
        expect(pieces).toBe(content);
      }),
    );
  });

  it('is as long as the limit allows, but for two bytes', () => {
    fc.assert(
      fc.property(text, maxBytes, (content, limit) => {
        const shown = truncateContent(message(content), 0, limit);
        if (shown.next_content_offset === undefined) return;
        const [character] = content.slice(shown.next_content_offset);
        // Half a character, which is tried too, takes six bytes of JSON, and a whole one four.
        expect(jsonBytes(shown.content + character) + 2).toBeGreaterThan(limit);
      }),
    );
  });

  it('says how long the whole is, unless it is the whole', () => {
    const whole = message('x'.repeat(98));
    expect(truncateContent(whole, 0, 100)).toBe(whole);
    const longer = truncateContent(message('x'.repeat(99)), 0, 100);
    expect(longer).toMatchObject({ content_length: 99, next_content_offset: 98 });
    expect(longer).not.toHaveProperty('content_offset');
    const end = truncateContent(message('x'.repeat(99)), 98, 100);
    expect(end).toMatchObject({ content: 'x', content_offset: 98, content_length: 99 });
    expect(end).not.toHaveProperty('next_content_offset');
  });

  it('begins behind a character that the offset would cut in two', () => {
    const shown = truncateContent(message('😀b'), 1, 100);
    expect(shown).toMatchObject({ content: 'b', content_offset: 2 });
  });

  it('is empty behind the end', () => {
    const shown = truncateContent(message('abc'), 10, 100);
    expect(shown).toMatchObject({ content: '', content_length: 3 });
    expect(shown).not.toHaveProperty('next_content_offset');
  });
});

describe('truncated metadata', () => {
  it('is left out above the limit, with its size, and is as it was up to it', () => {
    fc.assert(
      fc.property(awkwardObject, fc.nat(200), (metadata, limit) => {
        const record = message('x', metadata);
        const shown = truncateMetadata(record, limit);
        const bytes = Buffer.byteLength(JSON.stringify(metadata));
        if (bytes <= limit) expect(shown).toBe(record);
        else
          expect(shown).toStrictEqual({ ...record, metadata: {}, metadata_omitted_bytes: bytes });
      }),
    );
  });
});

describe('the answer of a tool', () => {
  const long = '"😀語\n'.repeat(20_000);
  const metadata = { note: 'x'.repeat(8_000) };

  it('shows up to 32,000 bytes of a message, from any offset, and no long metadata', () => {
    const shown = TOOL_ANSWER.message(message(long, metadata));
    expect(jsonBytes(shown.content)).toBeLessThanOrEqual(TOOL_ANSWER.contentMaxBytes);
    expect(jsonBytes(shown.content)).toBeGreaterThan(TOOL_ANSWER.contentMaxBytes - 12);
    expect(shown).toMatchObject({ metadata: {}, metadata_omitted_bytes: jsonBytes(metadata) });
    const next = TOOL_ANSWER.message(message(long), shown.next_content_offset);
    expect(long.startsWith(shown.content + next.content)).toBe(true);
  });

  it('shows a record without long metadata', () => {
    const { content: _, ...record } = message('', metadata);
    expect(TOOL_ANSWER.record(record)).toMatchObject({ metadata: {} });
    const short = { ...record, metadata: { note: 'x'.repeat(7_980) } };
    expect(TOOL_ANSWER.record(short)).toBe(short);
  });

  it('shows up to 4,000 bytes of a hit, with its first match and up to 200 characters before', async () => {
    const content = `${'filler '.repeat(3_000)}the fox${' filler'.repeat(3_000)}`;
    const shown = await TOOL_ANSWER.hit(message(content), ['fox']);
    expect(jsonBytes(shown.content)).toBeLessThanOrEqual(TOOL_ANSWER.hitMaxBytes);
    expect(shown.content_offset).toBe(content.indexOf('fox') - 200);
    expect(shown.content.slice(200)).toMatch(/^fox filler/);
    const short = message('a fox');
    expect(await TOOL_ANSWER.hit(short, ['fox'])).toBe(short);
  });

  it('shows of a neighbour what it says, up to 2,000 bytes', () => {
    const { uuid, seq, role } = message('');
    expect(TOOL_ANSWER.neighbour(message('short', metadata))).toStrictEqual({
      ...{ uuid, seq, role },
      content: 'short',
    });
    const { content } = TOOL_ANSWER.neighbour(message(long));
    expect(jsonBytes(content)).toBeLessThanOrEqual(2_000);
    expect(long.startsWith(content)).toBe(true);
  });
});
