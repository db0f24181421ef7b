import { z } from 'zod';
import { invalidArgument } from './errors.ts';
import { isObject } from './metadata.ts';

/**
 * Converts input to what a schema asks for, where the intention is clear: hosts and models send `null`
 * for what they leave out, numbers as text, and one object where a list is wanted. It is applied
 * before validation, so the schemas themselves, and what is published of them, stay strict.
 */

/** Takes a remark for the caller where a value was replaced by another one. */
type Note = (remark: string) => void;

/** Converts one value; returns it unchanged where it has nothing to do. */
type Conversion = (value: unknown, path: string, note: Note) => unknown;

const conversions = new WeakMap<z.core.$ZodType, Conversion>();
const normalizers = new WeakMap<z.core.$ZodType, (value: unknown) => unknown>();

/**
 * Converts `value` to what `schema` asks for:
 *
 * - `null` for an optional value is absent, and `''` where an optional value may not be empty;
 * - JSON text is parsed where an object or a list is wanted;
 * - one entry is a list of one;
 * - numbers and booleans are read from text, the values of an enumeration in any case;
 * - a number above the maximum becomes the maximum, which `note` hears of.
 *
 * Metadata is not looked into. What cannot be converted is left for the validation to refuse.
 *
 * @throws DomainError INVALID_ARGUMENT for a list that is too long
 */
export function lenient(schema: z.core.$ZodType, value: unknown, note: Note = () => {}): unknown {
  return conversionOf(schema)(value, '', note);
}

/** Applies `normalize` to each value that `schema` is asked to validate, before other conversions. */
export function normalizeBefore<Schema extends z.core.$ZodType>(
  schema: Schema,
  normalize: (value: unknown) => unknown,
): Schema {
  normalizers.set(schema, normalize);
  return schema;
}

function conversionOf(schema: z.core.$ZodType): Conversion {
  let conversion = conversions.get(schema);
  if (conversion === undefined) {
    const convert = createConversion(schema as z.core.$ZodTypes);
    const normalize = normalizers.get(schema);
    conversion =
      normalize === undefined
        ? convert
        : (value, path, note) => convert(normalize(value), path, note);
    conversions.set(schema, conversion);
  }
  return conversion;
}

function createConversion(schema: z.core.$ZodTypes): Conversion {
  const { def } = schema._zod;
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'nullable':
      return conversionOf(def.innerType);
    case 'pipe':
      return conversionOf(def.in);
    case 'object':
      return objectConversion(def.shape);
    case 'array':
      return arrayConversion(def.element, maxItemsOf(schema as z.core.$ZodArray));
    case 'number':
      return numberConversion(Math.min(...(def.checks ?? []).map(upperBound)));
    case 'boolean':
      return (value) => {
        const word = typeof value === 'string' ? value.trim().toLowerCase() : undefined;
        return word === 'true' ? true : word === 'false' ? false : value;
      };
    case 'enum':
      return enumConversion(Object.values(def.entries));
    case 'custom':
      // Metadata declares that it is an object. Parts of messages may be anything.
      return z.globalRegistry.get(schema)?.type === 'object'
        ? (value) => parseJson(value, '{')
        : (value) => value;
    default:
      return (value) => value;
  }
}

/** A property of an object, and what stands for its absence. */
interface Property {
  convert: Conversion;
  isAbsent(value: unknown): boolean;
}

function objectConversion(shape: Readonly<Record<string, z.core.$ZodType>>): Conversion {
  const properties = new Map<string, Property>();
  for (const [key, schema] of Object.entries(shape)) {
    properties.set(key, { convert: conversionOf(schema), isAbsent: absenceOf(schema) });
  }
  return (given, path, note) => {
    const object = parseJson(given, '{');
    if (!isObject(object)) return object;
    let converted: [string, unknown][] | undefined;
    const entries = Object.entries(object);
    for (const [i, [key, value]] of entries.entries()) {
      const property = properties.get(key);
      const isAbsent = property?.isAbsent(value) === true;
      const result = isAbsent ? undefined : property?.convert(value, pathOf(path, key), note);
      if (converted === undefined && (property === undefined || result === value)) continue;
      converted ??= entries.slice(0, i);
      if (!isAbsent) converted.push([key, property === undefined ? value : result]);
    }
    return converted === undefined ? object : Object.fromEntries(converted);
  };
}

/** Tells what stands for the absence of a value. Where `null` is accepted, it is a value. */
function absenceOf(schema: z.core.$ZodType): Property['isAbsent'] {
  const isOptional = schema._zod.optin !== undefined;
  if (!isOptional || accepts(schema, null)) return () => false;
  const mayBeEmpty = accepts(schema, '');
  return (value) => value === null || (value === '' && !mayBeEmpty);
}

const accepts = (schema: z.core.$ZodType, value: unknown): boolean =>
  (schema as z.ZodType).safeParse(value).success;

/** The most entries of a list: the least that its checks and the `maxItems` of its metadata allow. */
function maxItemsOf(schema: z.core.$ZodArray): number {
  const bounds = (schema._zod.def.checks ?? []).map((check) => {
    const { def } = check._zod as z.core.$ZodCheckMaxLength['_zod'];
    return def.check === 'max_length' ? def.maximum : Number.POSITIVE_INFINITY;
  });
  const { maxItems = Number.POSITIVE_INFINITY } = z.globalRegistry.get(schema) ?? {};
  return Math.min(Number(maxItems), ...bounds);
}

/** Texts of which an entry that is a text accepts one. */
const TEXTS = ['text', '00000000-0000-0000-0000-000000000000'];

/** @param maxItems a longer list is refused here: looking at each entry could take minutes */
function arrayConversion(element: z.core.$ZodType, maxItems: number): Conversion {
  const convert = conversionOf(element);
  const isText = TEXTS.some((text) => accepts(element, text));
  return (given, path, note) => {
    const value = parseJson(given, isText ? '[' : '[{');
    const isEntry = isText ? typeof value === 'string' && value !== '' : isObject(value);
    const list = isEntry ? [value] : value;
    if (!Array.isArray(list)) return list;
    if (list.length > maxItems) {
      throw invalidArgument(
        `${path}: holds ${list.length} entries, and at most ${maxItems} are allowed: send the rest in another call.`,
      );
    }
    const results = list.map((entry, i) => convert(entry, pathOf(path, String(i)), note));
    return results.every((result, i) => result === list[i]) ? list : results;
  };
}

function numberConversion(maximum: number): Conversion {
  return (given, path, note) => {
    const isNumeral = typeof given === 'string' && /^\s*[+-]?\d+(\.\d+)?\s*$/.test(given);
    const value = isNumeral ? Number(given) : given;
    if (typeof value !== 'number' || !(value > maximum)) return value;
    note(`${path} was ${value}, and at most ${maximum} is allowed: ${maximum} was used.`);
    return maximum;
  };
}

/** The upper bound that a check sets. */
function upperBound(check: z.core.$ZodCheck<never>): number {
  const { def } = check._zod as z.core.$ZodCheckLessThan['_zod'];
  return def.check === 'less_than' ? Number(def.value) : Number.POSITIVE_INFINITY;
}

function enumConversion(values: readonly (string | number)[]): Conversion {
  const byName = new Map(values.map((value) => [String(value).toLowerCase(), value]));
  return (value) =>
    typeof value === 'string' ? (byName.get(value.trim().toLowerCase()) ?? value) : value;
}

const pathOf = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);

/** The most objects and lists that JSON text may have, as in the body of a request. */
const CONTAINERS_MAX = 200_000;

/**
 * The value of JSON text that begins with one of `openings`; anything else as it is, also a text with very
 * many objects.
 */
export function parseJson(value: unknown, openings: string): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (text === '' || !openings.includes(text.charAt(0)) || hasManyContainers(text)) return value;
  try {
    return JSON.parse(text);
  } catch {
    return value;
  }
}

function hasManyContainers(text: string): boolean {
  let count = 0;
  for (const _ of text.matchAll(/[[{]/g)) if (++count > CONTAINERS_MAX) return true;
  return false;
}
