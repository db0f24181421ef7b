import { SETTING_ENTRIES, type SettingValues } from './settings.ts';

/** Shorter texts are not masked: they would hide parts of ordinary words. */
const MIN_LENGTH = 3;

/** The texts of a configuration that must not appear in a log. */
export function secretsOf(config: SettingValues): string[] {
  const values = SETTING_ENTRIES.filter(([, { secret }]) => secret).map(([name]) => config[name]);
  const texts = values.filter((value) => typeof value === 'string');
  const secrets = texts.flatMap((text) => [text, ...credentialsOf(text)]);
  return secrets.filter((secret) => secret.length >= MIN_LENGTH);
}

/** The user and password of a URI, together, and the password alone, as written and decoded. */
function credentialsOf(uri: string): string[] {
  const credentials = /^[^/]*\/\/([^@/?#]*)@/.exec(uri)?.[1] ?? '';
  const password = credentials.split(':').slice(1).join(':');
  return [credentials, password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
