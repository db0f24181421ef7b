import { z } from 'zod';
import { AUTH_SETTINGS } from './auth.ts';
import { EMBEDDING_SETTINGS } from './embeddings.ts';
import { EXTRACTION_SETTINGS } from './extraction.ts';
import { GENERAL_SETTINGS } from './general.ts';
import { HTTP_SETTINGS } from './http.ts';
import { IMPORT_SETTINGS } from './import.ts';
import { LIMIT_SETTINGS } from './limits.ts';
import type { Setting } from './setting.ts';
import { STORE_SETTINGS } from './store.ts';

/** Every setting, under its name in `Config`. */
export const SETTINGS = {
  ...STORE_SETTINGS,
  ...EMBEDDING_SETTINGS,
  ...EXTRACTION_SETTINGS,
  ...GENERAL_SETTINGS,
  ...HTTP_SETTINGS,
  ...AUTH_SETTINGS,
  ...LIMIT_SETTINGS,
  ...IMPORT_SETTINGS,
};

export type SettingName = keyof typeof SETTINGS;

/** A declaration whose `needs` are known to be names of settings. */
export type AnySetting = Omit<Setting, 'needs'> & { needs?: readonly SettingName[] };

export const SETTING_ENTRIES: readonly (readonly [SettingName, AnySetting])[] = Object.entries(
  SETTINGS,
) as [SettingName, (typeof SETTINGS)[SettingName]][];

/** The settings under the headings of docs/settings.md. */
export const GROUPS: Readonly<Record<string, Readonly<Record<string, AnySetting>>>> = {
  Store: STORE_SETTINGS,
  'Semantic search': EMBEDDING_SETTINGS,
  'Extraction of facts': EXTRACTION_SETTINGS,
  General: GENERAL_SETTINGS,
  'HTTP server': HTTP_SETTINGS,
  'Sign-in': AUTH_SETTINGS,
  Limits: LIMIT_SETTINGS,
  Import: IMPORT_SETTINGS,
};

/** The texts that were given, before they are checked. */
export type GivenSettings = Partial<Record<SettingName, string>>;

/** Checks all settings together. Durations become milliseconds, sizes become bytes. */
export const settingsSchema = z.object(
  Object.fromEntries(SETTING_ENTRIES.map(([name, { schema }]) => [name, schema])) as {
    -readonly [Name in SettingName]: (typeof SETTINGS)[Name]['schema'];
  },
);

/** The checked settings, with the defaults that depend on nothing else. */
export type SettingValues = z.infer<typeof settingsSchema>;
