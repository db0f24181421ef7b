import { isLoopback } from '../transports/loopback.ts';
import { signInConfigured } from './auth.ts';
import type { ConfiguredCommand, Flags, GraphAction } from './command-line.ts';
import { IMPORT_SETTINGS } from './import.ts';
import { labelOf } from './setting.ts';
import {
  type AnySetting,
  type GivenSettings,
  SETTING_ENTRIES,
  SETTINGS,
  type SettingName,
  type SettingValues,
} from './settings.ts';

interface Situation {
  command: ConfiguredCommand;
  graph: GraphAction | undefined;
  flags: Flags;
  /** The settings that the user gave. */
  given: GivenSettings;
  /** All settings, with defaults. */
  values: SettingValues;
}

/** A rule about several settings: when it is broken, and what the user reads then. */
interface Rule {
  broken(situation: Situation): boolean;
  problem(situation: Situation): string;
}

/** What can stand in a header. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

/** The rules, in the order in which they are checked. */
const RULES: readonly Rule[] = [
  ...SETTING_ENTRIES.flatMap(([name, { needs = [] }]) =>
    needs.map((needed) => effective(name, needed)),
  ),
  {
    broken: ({ values, command }) => values.dryRun && command !== 'purge',
    problem: () => '--dry-run does nothing without the command purge: add it, or leave it out.',
  },
  {
    broken: ({ values, command }) => values.readOnly && command !== 'serve' && !values.dryRun,
    problem: ({ command }) =>
      `--read-only writes nothing, and the command ${command} has to: leave one of them out.`,
  },
  ...Object.values(IMPORT_SETTINGS).map(({ flag }) => ({
    broken: ({ flags, command }: Situation) => flags[flag] !== undefined && command !== 'import',
    problem: () =>
      `--${flag} does nothing without the command import zep: add it, or leave it out.`,
  })),
  {
    broken: ({ values, command }) => command === 'import' && values.importUrl === undefined,
    problem: () => 'The command import zep needs the address of the server to read: add --url.',
  },
  {
    broken: ({ values: { importApiKey }, command }) =>
      command === 'import' && importApiKey !== undefined && !HEADER_TEXT.test(importApiKey),
    problem: () =>
      `${labelOf(SETTINGS.importApiKey)} is a value that is not shown; allowed is text without spaces or characters outside ASCII.`,
  },
  together('authJwtIssuer', 'authJwtAudience'),
  together('embeddingsUrl', 'embeddingsModel'),
  together('graphLlmUrl', 'graphLlmModel'),
  {
    broken: ({ values, command }) => command === 'embed' && values.embeddingsUrl === undefined,
    problem: () => 'The command embed needs EMBEDDINGS_URL and EMBEDDINGS_MODEL: set both.',
  },
  {
    broken: ({ values, graph }) => graph?.action === 'run' && values.graphLlmUrl === undefined,
    problem: () => 'The command graph run needs GRAPH_LLM_URL and GRAPH_LLM_MODEL: set both.',
  },
  {
    broken: ({ values }) =>
      values.http && !signInConfigured(values) && !values.insecure && !isLoopback(values.host),
    problem: ({ values: { host } }) =>
      `--host is ${JSON.stringify(host)}, which other machines can reach, and callers do not have to sign in; allowed is any address once AUTH_TOKENS_FILE or AUTH_JWT_ISSUER is set, or together with --insecure; else 127.0.0.1, ::1 or localhost.`,
  },
];

/** The first rule that is broken, as a message for the user; `undefined` if there is none. */
export function brokenRule(situation: Situation): string | undefined {
  return RULES.find((rule) => rule.broken(situation))?.problem(situation);
}

/** A setting without effect is refused: whoever gave it believes that it is in force. */
function effective(name: SettingName, needed: SettingName): Rule {
  const setting: AnySetting = SETTINGS[name];
  const other: AnySetting = SETTINGS[needed];
  const remedy = other.flag === undefined ? 'set that' : 'add that';
  return {
    broken: ({ given }) => given[name] !== undefined && given[needed] === undefined,
    problem: () =>
      `${labelOf(setting)} does nothing without ${labelOf(other)}: ${remedy}, or leave it out.`,
  };
}

/** Two settings that are given both or not at all. */
function together(one: SettingName, other: SettingName): Rule {
  return {
    broken: ({ given }) => (given[one] === undefined) !== (given[other] === undefined),
    problem: () =>
      `${labelOf(SETTINGS[one])} and ${labelOf(SETTINGS[other])} are needed together: set both, or none.`,
  };
}
