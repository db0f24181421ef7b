import { defaultOf, labelOf } from './setting.ts';
import { type AnySetting, GROUPS, SETTING_ENTRIES, SETTINGS } from './settings.ts';

const SETTINGS_LIST = SETTING_ENTRIES.map(([, setting]) => setting);

/** The flags for `--help`, each with its description. */
export function flagHelp(): [name: string, text: string][] {
  return SETTINGS_LIST.flatMap((setting): [string, string][] => {
    const { flag, takes } = setting;
    if (flag === undefined) return [];
    return [[`--${flag}${takes === undefined ? '' : ` ${takes}`}`, helpOf(setting)]];
  });
}

/** The environment variables for `--help`, each with its description. */
export function environmentHelp(): [name: string, text: string][] {
  return SETTINGS_LIST.flatMap((setting): [string, string][] =>
    setting.env === undefined ? [] : [[setting.env, helpOf(setting)]],
  );
}

function helpOf(setting: AnySetting): string {
  const fallback = isSwitch(setting) ? undefined : defaultOf(setting);
  return fallback === undefined ? setting.help : `${setting.help} Default: ${fallback}.`;
}

/** A flag that takes no value is off unless it is given; the help need not say so. */
const isSwitch = ({ flag, takes, env }: AnySetting) =>
  flag !== undefined && takes === undefined && env === undefined;

/** The whole text of docs/settings.md. */
export function settingsDocument(): string {
  const sections = Object.entries(GROUPS).map(
    ([title, settings]) => `## ${title}\n\n${table(Object.values(settings))}`,
  );
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

const INTRODUCTION = `<!-- Generated from src/config by \`npm run docs:settings\`. Do not edit. -->

# Settings

A flag wins over its environment variable, and an empty variable counts as unset. A wrong setting ends the
start with exit code 2 and one line that names it. \`mcp-sessions --help\` shows the same settings.

- Durations have a unit: \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`. Sizes have one of \`KiB\`, \`MiB\`, \`GiB\`.
- The data directory is \`$XDG_DATA_HOME/mcp-sessions\` or \`~/.local/share/mcp-sessions\` on Linux,
  \`~/Library/Application Support/mcp-sessions\` on macOS, and \`%LOCALAPPDATA%\\mcp-sessions\` on Windows.
`;

function table(settings: readonly AnySetting[]): string {
  const rows = settings.map((setting) => [
    setting.env === undefined ? '' : `\`${setting.env}\``,
    setting.flag === undefined ? '' : `\`--${setting.flag}\``,
    shownDefault(setting),
    [setting.help, ...needed(setting)].join(' '),
  ]);
  const lines = [['environment', 'flag', 'default', 'what it does'], Array(4).fill('---'), ...rows];
  return lines.map((cells) => `| ${cells.map(escaped).join(' | ')} |\n`).join('');
}

const escaped = (cell: string) => cell.replaceAll('|', '\\|');

/** A sentence about the settings that a setting needs, if any. */
function needed({ needs = [] }: AnySetting): string[] {
  const labels = needs.map((name) => labelOf(SETTINGS[name]));
  return labels.length === 0 ? [] : [`Needs ${labels.join(' and ')}.`];
}

/** A default that can be typed is shown as code, one that is described as text. */
function shownDefault(setting: AnySetting): string {
  if (isSwitch(setting)) return 'off';
  const fallback = defaultOf(setting);
  if (fallback === undefined) return 'not set';
  return setting.unset === undefined ? `\`${fallback}\`` : fallback;
}
