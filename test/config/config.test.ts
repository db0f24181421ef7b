import { describe, expect, it } from 'vitest';
import { type Config, ConfigError, load } from '../../src/config/index.ts';
import { durationText } from '../../src/config/values.ts';

function config(argv: string[] = [], env: Record<string, string> = {}, platform = 'linux'): Config {
  const loaded = load(argv, { HOME: '/home/me', ...env }, platform);
  if (loaded.kind !== 'config') throw new Error(`loaded ${loaded.kind}`);
  return loaded.config;
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(config()).toStrictEqual({
      command: 'serve',
      mongodbDatabase: 'mcp_sessions',
      sessionsDb: '/home/me/.local/share/mcp-sessions/sessions.db',
      namespace: 'default',
      purgeAfter: 604_800_000,
      purgeEvery: 3_600_000,
      logLevel: 'warn',
      http: false,
      host: '127.0.0.1',
      port: 3939,
      callsPerSecond: 100,
      callsAtOnce: 64,
      callTimeout: 30_000,
      messageMax: 16_777_216,
      bodiesMax: 268_435_456,
      streamsPerCredential: 100,
      streamsMax: 1000,
      connectionsMax: 10_000,
      drainDelay: 0,
      allowedHosts: [],
      allowedOrigins: [],
      authJwtNamespaceClaim: 'namespace',
      insecure: false,
      noRest: false,
      toolsets: ['sessions', 'memory', 'users'],
      readOnly: false,
      dryRun: false,
      graphLlmWait: 300_000,
      graphLlmCallsPerMinute: 10,
      graphLlmTokensPerDay: 1_000_000,
    });
  });

  it.each([
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/mcp-sessions/sessions.db'],
    ['darwin', {}, '/home/me/Library/Application Support/mcp-sessions/sessions.db'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/mcp-sessions/sessions.db'],
    ['linux', { SESSIONS_DB: '/elsewhere.db' }, '/elsewhere.db'],
    ['linux', { SESSIONS_DB: '~/mine.db' }, '/home/me/mine.db'],
  ])('puts the file where %s keeps data, given %o', (platform, env, path) => {
    expect(config([], env, platform).sessionsDb).toBe(path);
  });

  it('prefers flags to the environment, and treats empty variables as unset', () => {
    const env = { LOG_LEVEL: 'debug', MONGODB_URI: '', PURGE_AFTER: '' };
    expect(config(['--log-level', 'error'], env)).toMatchObject({ logLevel: 'error' });
    expect(config([], env)).not.toHaveProperty('mongodbUri');
    expect(config([], env).purgeAfter).toBe(604_800_000);
  });

  it.each([
    ['1500ms', 1500],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['off', undefined],
  ])('reads PURGE_AFTER=%s', (text, milliseconds) => {
    expect(config([], { PURGE_AFTER: text }).purgeAfter).toBe(milliseconds);
  });

  it.each([
    ['2048KiB', 2_097_152],
    ['3MiB', 3_145_728],
  ])('reads MESSAGE_MAX=%s', (text, bytes) => {
    expect(config([], { MESSAGE_MAX: text }).messageMax).toBe(bytes);
  });

  it('logs more over HTTP, where no client takes stderr for an error', () => {
    expect(config(['--http']).logLevel).toBe('info');
  });

  it('has the purge command, with a dry run', () => {
    expect(config(['purge', '--dry-run'])).toMatchObject({ command: 'purge', dryRun: true });
    expect(config(['purge', '--dry-run', '--read-only'])).toMatchObject({ readOnly: true });
  });

  it('has the command graph, with a user to rebuild', () => {
    expect(config(['graph', 'status'])).toMatchObject({ graph: { action: 'status' } });
    expect(config(['graph', 'rebuild', 'ada'])).toMatchObject({
      command: 'graph',
      graph: { action: 'rebuild', user_id: 'ada' },
    });
  });

  it.each(['off', '7d', '36h', '90m', '1s', '1500ms'])('shows PURGE_AFTER=%s as it is', (text) => {
    expect(durationText(config([], { PURGE_AFTER: text }).purgeAfter)).toBe(text);
  });

  it.each<[string[], Record<string, string>, string[]]>([
    [[], { PURGE_AFTER: '7' }, ['PURGE_AFTER', '"7"', '7d', 'off']],
    [[], { PURGE_AFTER: '10ms' }, ['PURGE_AFTER', '"10ms"', '1s']],
    [[], { PURGE_EVERY: 'often' }, ['PURGE_EVERY', '"often"', '30m']],
    [[], { LOG_LEVEL: 'loud' }, ['--log-level or LOG_LEVEL', '"loud"', 'debug']],
    [[], { MONGODB_DATABASE: 'a b' }, ['MONGODB_DATABASE', '"a b"', 'space']],
    [[], { SESSIONS_NAMESPACE: 'x'.repeat(1025) }, ['SESSIONS_NAMESPACE', '1024']],
    [['--http', '--port', '70000'], {}, ['--port', '"70000"', '65535']],
    [['--toolsets', 'sessions,magic'], {}, ['--toolsets', '"sessions,magic"', 'memory']],
    [['--allowed-hosts', 'http://x'], {}, ['--allowed-hosts', 'without ports']],
    [['--allowed-origins', 'app.example'], {}, ['--allowed-origins', 'https://app.example.org']],
    [[], { ALLOWED_ORIGINS: 'null' }, ['--allowed-origins or ALLOWED_ORIGINS', '"null"']],
    [[], { ALLOWED_ORIGINS: 'https://*.example' }, ['ALLOWED_ORIGINS', 'https://app.example.org']],
    [[], { ALLOWED_ORIGINS: 'https://a.example/path' }, ['ALLOWED_ORIGINS', 'origins']],
    [[], { ALLOWED_ORIGINS: 'https://a.example:99999' }, ['ALLOWED_ORIGINS', 'origins']],
    [['--http', '--host', '0.0.0.0'], {}, ['--host', '"0.0.0.0"', '--insecure']],
    [['--port', '4000'], {}, ['--port', '--http']],
    [['--ops-port', '4000'], {}, ['--ops-port', '--http']],
    [['--ops-host', '::1'], {}, ['--ops-host', '--http']],
    [['--http', '--ops-host', '::1'], {}, ['--ops-host', '--ops-port']],
    [['--http', '--ops-port', '65536'], {}, ['--ops-port', '65535']],
    [[], { CALLS_PER_SECOND: '0' }, ['CALLS_PER_SECOND', '"0"', 'from 1']],
    [[], { CALLS_AT_ONCE: 'many' }, ['CALLS_AT_ONCE', '"many"', 'a number']],
    [[], { CALL_TIMEOUT: '30' }, ['CALL_TIMEOUT', '"30"', 'unit']],
    [[], { MESSAGE_MAX: '1MiB' }, ['MESSAGE_MAX', '"1MiB"', '2MiB']],
    [[], { MESSAGE_MAX: '16MB' }, ['MESSAGE_MAX', '"16MB"', 'MiB']],
    [[], { DRAIN_DELAY: '1h' }, ['DRAIN_DELAY', '"1h"', '10m']],
    [[], { AUTH_JWT_ISSUER: 'https://id.example' }, ['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE']],
    [[], { AUTH_JWT_AUDIENCE: 'x' }, ['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE']],
    [[], { AUTH_JWT_USER_CLAIM: 'sub' }, ['AUTH_JWT_USER_CLAIM', 'without AUTH_JWT_ISSUER']],
    [[], { AUTH_JWT_NAMESPACE_CLAIM: 'ns' }, ['AUTH_JWT_NAMESPACE_CLAIM', 'without AUTH_JWT']],
    [[], { AUTH_JWT_ISSUER: 'http://id.example', AUTH_JWT_AUDIENCE: 'x' }, ['https://']],
    [[], { AUTH_JWT_ISSUER: 'id.example', AUTH_JWT_AUDIENCE: 'x' }, ['https://']],
    [[], { AUTH_JWT_ISSUER: 'https://a?b', AUTH_JWT_AUDIENCE: 'x' }, ['https://']],
    [[], { AUTH_JWT_ISSUER: 'https://a', AUTH_JWT_AUDIENCE: 'x,' }, ['by comma']],
    [[], { PUBLIC_URL: 'sessions.example' }, ['PUBLIC_URL', 'https://']],
    [[], { PUBLIC_URL: 'https://sessions.example/mcp' }, ['PUBLIC_URL', 'scheme and host']],
    [['--dry-run'], {}, ['--dry-run', 'purge']],
    [['purge', '--read-only'], {}, ['--read-only', 'purge']],
    [
      ['embed', '--read-only'],
      { EMBEDDINGS_URL: 'http://x/v1', EMBEDDINGS_MODEL: 'm' },
      ['--read-only', 'embed'],
    ],
    [[], { GRAPH_LLM_URL: 'http://x/v1' }, ['GRAPH_LLM_URL and GRAPH_LLM_MODEL', 'set both']],
    [[], { GRAPH_LLM_MODEL: 'm' }, ['GRAPH_LLM_URL and GRAPH_LLM_MODEL', 'set both']],
    [[], { GRAPH_LLM_URL: 'x', GRAPH_LLM_MODEL: 'm' }, ['GRAPH_LLM_URL', '"x"', 'https://']],
    [[], { GRAPH_LLM_WAIT: '1m' }, ['GRAPH_LLM_WAIT', 'without GRAPH_LLM_URL']],
    [[], { GRAPH_LLM_WAIT: '2d' }, ['GRAPH_LLM_WAIT', '"2d"', '24h']],
    [[], { GRAPH_LLM_API_KEY: 'a b' }, ['GRAPH_LLM_API_KEY', 'not shown']],
    [[], { GRAPH_LLM_CALLS_PER_MINUTE: '0' }, ['GRAPH_LLM_CALLS_PER_MINUTE', 'from 1']],
    [[], { GRAPH_LLM_TOKENS_PER_DAY: '10' }, ['GRAPH_LLM_TOKENS_PER_DAY', 'from 1000']],
    [[], { MONGODB_URI: 'mongodb://me:pw@/db' }, ['MONGODB_URI', 'percent-encoded']],
    [['--nonsense'], {}, ['--nonsense', '--help']],
    [['--port'], {}, ['--port', '--help']],
    [['graph'], {}, ['graph status', 'graph rebuild USER']],
    [['graph', 'rebuild'], {}, ['graph rebuild USER']],
    [['graph', 'status', 'ada'], {}, ['graph status']],
    [['graph', 'run'], {}, ['GRAPH_LLM_URL', 'set both']],
    [['serve-me'], {}, ['"serve-me"', 'purge']],
  ])('refuses %j with %j in one line', (argv, env, words) => {
    const error = refusal(argv, env);
    for (const word of words) expect(error).toContain(word);
    expect(error).not.toContain('\n');
  });

  it.each([
    ['mongodb://host', 'mcp_sessions'],
    ['mongodb://host/', 'mcp_sessions'],
    ['mongodb://me:pw@host/agents?w=1', 'agents'],
    ['mongodb+srv://host/agent%2Dmemory', 'agent-memory'],
    // Where the user is defined.
    ['mongodb://me:pw@host/admin', 'mcp_sessions'],
  ])('uses the database that the address names: %s', (uri, database) => {
    expect(config([], { MONGODB_URI: uri }).mongodbDatabase).toBe(database);
    const both = { MONGODB_URI: uri, MONGODB_DATABASE: 'other' };
    expect(config([], both).mongodbDatabase).toBe('other');
  });

  it('never repeats a secret', () => {
    const error = refusal([], { MONGODB_URI: 'mongo://me:hunter2@host' });
    expect(error).toContain('MONGODB_URI');
    expect(error).toContain('mongodb://');
    expect(error).not.toContain('hunter2');
  });

  it('binds to any address with --insecure', () => {
    expect(config(['--http', '--host', '0.0.0.0', '--insecure']).host).toBe('0.0.0.0');
  });

  it('binds to any address once callers have to sign in', () => {
    const args = ['--http', '--host', '0.0.0.0'];
    expect(config(args, { AUTH_TOKENS_FILE: '~/tokens.json' })).toMatchObject({
      host: '0.0.0.0',
      authTokensFile: '/home/me/tokens.json',
    });
    const issuer = { AUTH_JWT_ISSUER: 'https://id.example/', AUTH_JWT_AUDIENCE: 'a, b' };
    expect(config(args, issuer)).toMatchObject({
      authJwtIssuer: 'https://id.example/',
      authJwtAudience: ['a', 'b'],
    });
  });
});

function refusal(argv: string[], env: Record<string, string>): string {
  try {
    config(argv, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}
