import { z } from 'zod';

/**
 * One setting, declared once. Loading, error messages, `--help` and docs/settings.md are all made from
 * this declaration.
 */
export interface Setting {
  /** Environment variable. */
  env?: string;
  /** Command-line flag, without its dashes. It wins over the environment variable. */
  flag?: string;
  /** Placeholder for the flag's value, shown in the help. A flag without it is a switch. */
  takes?: string;
  /**
   * Checks the given text and converts it. The message is a noun phrase that says what is
   * allowed. `prefault` holds the default, written as a user would write it.
   */
  schema: z.ZodType<unknown, string | undefined>;
  /** One or two sentences for a person who runs the server. The default is not repeated here. */
  help: string;
  /** What holds when the setting is not given. Only for settings whose schema has no default. */
  unset?: string;
  /** The value is never printed, not even in an error message. */
  secret?: true;
  /** Names of the settings without which this one has no effect. */
  needs?: readonly string[];
}

/** The name by which a user knows a setting, such as `--log-level or LOG_LEVEL`. */
export function labelOf({ flag, env }: Pick<Setting, 'flag' | 'env'>): string {
  return [flag && `--${flag}`, env].filter(Boolean).join(' or ');
}

/** The default as a user would write it; `undefined` if the setting is simply not set. */
export function defaultOf({
  schema,
  unset,
}: Pick<Setting, 'schema' | 'unset'>): string | undefined {
  return schema instanceof z.ZodPrefault ? String(schema.def.defaultValue) : unset;
}
