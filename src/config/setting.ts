import { z } from 'zod';

/** One setting as the command line, the environment and the help know it. */
export interface Setting {
  /** The environment variable. */
  env?: string;
  /** The command-line flag, without its dashes; it wins over the environment. */
  flag?: string;
  /** What the flag takes, for the help; flags without take nothing. */
  takes?: string;
  /** The settings, by their names here, without which it does nothing and is refused. */
  needs?: readonly string[];
  description: string;
  /** Never printed, not even when it is wrong. */
  secret?: true;
}

export const TIMES = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** A length of time such as `30m` or `7d`, as milliseconds. */
export const duration = z
  .string()
  .regex(DURATION, 'a number with a unit: ms, s, m, h or d, such as 30m or 7d')
  .transform((text) => {
    const [, amount, unit] = DURATION.exec(text) as RegExpExecArray;
    return Math.round(Number(amount) * TIMES[unit as keyof typeof TIMES]);
  });

/** A length of time as a setting has it: of milliseconds, or `undefined` for `off`. */
export function durationText(ms: number | undefined): string {
  if (ms === undefined) return 'off';
  const units = Object.entries(TIMES).toReversed();
  const [unit, length] = units.find(([, length]) => ms % length === 0) as [string, number];
  return `${ms / length}${unit}`;
}

const SIZES = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
const SIZE = /^(\d+)(KiB|MiB|GiB)$/;

/** An amount of memory such as `16MiB`, from `min` to `max`, as bytes. */
export function size(min: number, max: number, form: string) {
  return z
    .string()
    .regex(SIZE, form)
    .transform((text) => {
      const [, amount, unit] = SIZE.exec(text) as RegExpExecArray;
      return Number(amount) * SIZES[unit as keyof typeof SIZES];
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

/** A list by comma. */
export const list = (text: string) => text.split(',').map((name) => name.trim());
