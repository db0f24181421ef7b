import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { helpText } from '../../src/app/commands/help.ts';
import { COMMANDS } from '../../src/app/commands/index.ts';
import { SETTINGS } from '../../src/config/index.ts';
import { settingsDocument } from '../../src/config/reference.ts';
import { defaultOf, type Setting } from '../../src/config/setting.ts';
import { GROUPS } from '../../src/config/settings.ts';

const settings = Object.values<Setting>(SETTINGS);
const docs = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');

describe('the reference of the settings', () => {
  it('explains every setting', () => {
    const help = helpText(Object.values(COMMANDS));
    for (const { flag, env, help: text } of settings) {
      if (flag !== undefined) expect(help).toContain(`--${flag}`);
      if (flag !== undefined) expect(docs).toContain(`| \`--${flag}\``);
      if (env !== undefined) expect(help).toContain(env);
      if (env !== undefined) expect(docs).toContain(`| \`${env}\``);
      expect(help).toContain(text);
    }
  });

  it('in docs/settings.md is what npm run docs:settings writes', () => {
    // Git may have checked the file out with the line ends of the platform.
    expect(docs.replaceAll('\r\n', '\n')).toBe(settingsDocument());
  });

  it('has every setting in one group', () => {
    const grouped = Object.values(GROUPS).flatMap((group) => Object.keys(group));
    expect(grouped.toSorted()).toStrictEqual(Object.keys(SETTINGS).toSorted());
  });

  it('shows defaults that can be given as they are shown', () => {
    for (const { schema, unset } of settings) {
      const shown = unset === undefined ? defaultOf({ schema }) : undefined;
      if (shown !== undefined) expect(schema.parse(shown)).toStrictEqual(schema.parse(undefined));
    }
  });
});

describe('the help', () => {
  it('lists every command of the table', () => {
    const help = helpText(Object.values(COMMANDS));
    for (const { usage, summary } of Object.values(COMMANDS)) {
      expect(help).toContain(usage);
      expect(help).toContain(summary);
    }
  });
});
