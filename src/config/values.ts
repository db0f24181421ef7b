import { z } from 'zod';

/** Milliseconds of each unit in which a duration is given. */
export const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** A duration such as `30m` or `7d`, as milliseconds. */
export const duration = z
  .string()
  .regex(DURATION, 'a number with a unit: ms, s, m, h or d, such as 30m or 7d')
  .transform((text) => {
    const [, amount, unit] = DURATION.exec(text) as RegExpExecArray;
    return Math.round(Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]);
  });

/**
 * A duration from `minMs` to `maxMs` milliseconds, as milliseconds.
 *
 * @param form what is allowed, for the error message
 */
export function durationBetween(minMs: number, maxMs: number, form: string) {
  return duration.refine((ms) => ms >= minMs && ms <= maxMs, form);
}

/** The inverse of `duration`, in the largest unit that fits; `off` for `undefined`. */
export function durationText(ms: number | undefined): string {
  if (ms === undefined) return 'off';
  const units = Object.entries(UNIT_MS).toReversed();
  const [unit, length] = units.find(([, length]) => ms % length === 0) as [string, number];
  return `${ms / length}${unit}`;
}

const UNIT_BYTES = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
const SIZE = /^(\d+)(KiB|MiB|GiB)$/;

/**
 * An amount of memory such as `16MiB`, from `min` to `max` bytes, as bytes.
 *
 * @param form what is allowed, for the error message
 */
export function size(min: number, max: number, form: string) {
  return z
    .string()
    .regex(SIZE, form)
    .transform((text) => {
      const [, amount, unit] = SIZE.exec(text) as RegExpExecArray;
      return Number(amount) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES];
    })
    .refine((bytes) => bytes >= min && bytes <= max, form);
}

/** A whole number from `min` to `max`. */
export function count(min: number, max: number) {
  return z
    .string()
    .refine(
      (text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `a number from ${min} to ${max}`,
    )
    .transform(Number);
}

/** A comma-separated list; spaces around the items are ignored. */
export const list = z.string().transform((text) => text.split(',').map((item) => item.trim()));

/** A setting that is on or off, and off by default. */
export const toggle = z
  .enum(['true', 'false', '1', '0'], 'true or false')
  .transform((text) => text === 'true' || text === '1')
  .prefault('false');

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** The URL of a model's API. */
export const endpointUrl = z
  .string()
  .refine(isEndpoint, 'a URL that starts with http:// or https:// and has no user or password');

export const modelName = z.string().max(200, 'the name of a model');

/** A key that can stand in a header. */
export const apiKey = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'text without spaces or characters outside ASCII');
