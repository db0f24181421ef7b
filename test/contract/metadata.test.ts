import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type JsonObject,
  METADATA_MAX_BYTES,
  mergePatch,
  metadataProblem,
} from '../../src/domain/metadata.ts';
import { awkwardObject } from '../support/arbitraries.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

/** Metadata is any JSON object, and is merged by RFC 7396: docs/architecture.md. */
describeStores('metadata', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `metadata-${number++}` };
    at = harness(under.store);
  });

  const add = (metadata: JsonObject, session_id = 's') =>
    at.sessions.add(caller, { session_id, metadata });
  const merge = async (patch: JsonObject, session_id = 's') =>
    (await at.sessions.updateMetadata(caller, session_id, patch)).metadata;
  const stored = async (session_id = 's') => (await at.sessions.get(caller, session_id)).metadata;

  const json = (text: string) => JSON.parse(text) as JsonObject;

  it('keeps keys that mean something to a database or to JavaScript', async () => {
    const metadata = json(`{
      "a.b": 1, "$set": {"$inc": {"x.y": 1}}, "$ref": "a.b", "$id": 1, "$db": "c",
      "_bsontype": "ObjectId", "_id": {"$oid": "0"}, "__proto__": {"polluted": true},
      "constructor": [{}], "valueOf": {"x": [{}]}, "toJSON": "x", "hasOwnProperty": null, "": "empty",
      "\uFF04": 1, "\uFF04$": 2, "$$ROOT": 3, "length": 4, "0": "zero", "ключ": "👍",
      "list": [{"$date": 1, "a.b": null}, [], [[{"_bsontype": "Long"}]]]
    }`);
    await add(metadata);
    expect(JSON.stringify(sorted(await stored()))).toBe(JSON.stringify(sorted(metadata)));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('merges keys that mean something to a database or to JavaScript', async () => {
    const before = json(`{"a.b": {"$x": 1, "y": 2}, "__proto__": {"a": 1}, "$gone": 1, "kept": 1}`);
    const patch = json(
      `{"a.b": {"$x": {"_bsontype": "Map"}, "z.z": 3}, "__proto__": {"b": 2}, "$gone": null, "a": {"b": 9}, "new": "$kept", "v": "$$ROOT"}`,
    );
    await add(before);
    const expected = mergePatch(before, patch);
    expect(sorted(await merge(patch))).toStrictEqual(sorted(expected));
    expect(sorted(await stored())).toStrictEqual(sorted(expected));
  });

  it.each<[JsonObject, JsonObject, JsonObject]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 'text' }, { a: { b: { c: 1 } } }, { a: { b: { c: 1 } } }],
    [{ a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
    [{ a: 1 }, { a: {} }, { a: {} }],
    [{ a: [1, { b: null }] }, { c: [{ d: null }] }, { a: [1, { b: null }], c: [{ d: null }] }],
  ])('merges %j with %j into %j (RFC 7396, appendix A)', async (before, patch, after) => {
    await add(before);
    expect(await merge(patch)).toStrictEqual(after);
    expect(await stored()).toStrictEqual(after);
  });

  it('merges as deep as it nests', async () => {
    const nest = (leaf: JsonObject) =>
      Array.from({ length: 60 }).reduce<JsonObject>((inner) => ({ n: inner }), leaf);
    await add(nest({ a: 1, b: 2 }));
    expect(await merge(nest({ a: null, c: 3 }))).toStrictEqual(nest({ b: 2, c: 3 }));
  });

  it('merges a patch of so many objects that working it out would keep a server busy', async () => {
    await add({ kept: true, k0: { b: 1 } });
    const patch = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, { a: i }]));
    const merged = await merge(patch);
    expect(merged).toStrictEqual({ kept: true, ...patch, k0: { b: 1, a: 0 } });
  });

  it('keeps all fifty keys that fifty callers set at once', async () => {
    await add({ base: true });
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        merge(i % 2 === 0 ? { [`k${i}`]: i } : { nested: { [`k${i}`]: i } }),
      ),
    );
    const { base, nested, ...rest } = (await stored()) as { nested: JsonObject; base: boolean };
    expect(base).toBe(true);
    expect(Object.keys({ ...rest, ...nested })).toHaveLength(50);
  });

  it('keeps all keys that callers set at once in metadata near the limit', async () => {
    await add({ filler: 'x'.repeat(200_000) });
    await Promise.all(Array.from({ length: 8 }, (_, i) => merge({ [`k${i}`]: i })));
    expect(Object.keys(await stored())).toHaveLength(9);
  });

  describe('that would grow beyond its limit', () => {
    const half = 'x'.repeat(METADATA_MAX_BYTES / 2);

    it('is refused, names the limit and the size, and changes nothing', async () => {
      const before = await add({ first: half });
      await expect(merge({ second: half })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/262\d{3} bytes.*262144/),
      });
      expect(await at.sessions.get(caller, 's')).toStrictEqual(before);
    });

    it('is accepted when the patch takes as much as it brings', async () => {
      await add({ first: half });
      expect(Object.keys(await merge({ first: null, second: half }))).toStrictEqual(['second']);
    });

    it('is measured as JSON, whatever the store makes of it', async () => {
      const digits = Array.from({ length: 100_000 }, () => 1);
      await add({ digits });
      expect(Object.keys(await merge({ more: 1 }))).toHaveLength(2);
      const control = { c: '\u0001'.repeat(43_000) };
      await add(control, 'control');
      await expect(merge({ d: '\u0001'.repeat(1000) }, 'control')).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });

  it('comes back as it was stored, whatever it holds', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(awkwardObject, async (metadata) => {
        fc.pre(metadataProblem(metadata) === undefined);
        const id = `property-${count++}`;
        await add(metadata, id);
        expect(sorted(await stored(id))).toStrictEqual(sorted(metadata));
      }),
      { numRuns: 40 },
    );
  });

  it('merges as RFC 7396 says, whatever it holds', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(awkwardObject, awkwardObject, async (before, patch) => {
        fc.pre([before, patch].every((value) => metadataProblem(value) === undefined));
        const id = `property-${count++}`;
        await add(before, id);
        const expected = sorted(mergePatch(before, patch));
        expect(sorted(await merge(patch, id))).toStrictEqual(expected);
        expect(sorted(await stored(id))).toStrictEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

/** The value with its keys in order, as entries, so that no key can hide in a prototype. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => [key, sorted(child)] as const);
  return { entries: entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) };
}
