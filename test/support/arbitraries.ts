import fc from 'fast-check';
import type { JsonObject } from '../../src/domain/metadata.ts';

/** Keys that collide often, so that patches hit existing keys, and keys with a special meaning. */
const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'a.b',
      '$set',
      '$ref',
      '$id',
      '_id',
      '_bsontype',
      '__proto__',
      'constructor',
      '',
      '\uFF04',
      '\uFF04$',
      '0',
      '10',
      '9',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) },
);

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('$a', '$$ROOT', '$merging.n0', 'a\u0000b'),
);

const { object } = fc.letrec<{ value: unknown; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
  object: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries) as JsonObject),
}));

/** JSON objects of every kind, with keys that are special to databases or to JavaScript. */
export const awkwardObject: fc.Arbitrary<JsonObject> = object;
