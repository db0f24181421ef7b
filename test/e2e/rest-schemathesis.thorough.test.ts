import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/rest/routes.ts';
import { createVenv, pythonObstacle } from '../support/python.ts';
import { send } from '../support/raw-http.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';
import { grant } from '../support/tokens.ts';

/** The least number of requests to each store. */
const CASES = Number(process.env.SCHEMATHESIS_CASES ?? 1000);

/** The random ones for each of the operations in one run. About 1,000 others are made of the schemas alone. */
const PER_OPERATION = Math.max(10, Math.ceil((CASES - 700) / ROUTES.length));

/**
 * Left out are the checks that this wire breaks on purpose: input is converted where it is clear what is
 * meant, identifiers have rules that no schema tells, they may end like a route (`x/memory`), and
 * the memory of an unknown session of the first generation is empty, not missing.
 */
const CHECKS = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance'],
  ...['response_headers_conformance', 'response_schema_conformance'],
  ...['ignored_auth', 'missing_required_header'],
];

const reason = pythonObstacle(10);
const title = `schemathesis${reason === undefined ? '' : ` (skipped: ${reason})`}`;
const run = promisify(execFile);

describe.skipIf(reason !== undefined)(title, () => {
  let servers: Servers;
  let directory: string;
  beforeAll(async () => {
    servers = await Servers.open();
    directory = servers.directory;
    await createVenv(join(directory, 'venv'), 'schemathesis>=4.32,<5');
  });
  afterAll(() => servers?.close());

  /** Runs it to its end. Returns what it has printed, and how many requests it has sent. */
  async function attack({ url }: ServerProcess & { url: string }, token: string) {
    const args = [
      ...['run', `${url}/api/openapi.json`, '--header', `Authorization: Bearer ${token}`],
      ...['--max-examples', String(PER_OPERATION), '--checks', CHECKS.join()],
      ...['--continue-on-failure', '--suppress-health-check', 'all', '--no-color'],
    ];
    const options = { cwd: directory, maxBuffer: 64 * 1024 * 1024 };
    const schemathesis = join(directory, 'venv', 'bin', 'st');
    const output = await run(schemathesis, args, options).then(
      ({ stdout }) => stdout,
      ({ stdout, message }: { stdout?: string; message: string }) => stdout || message,
    );
    return { output, sent: Number(/(\d+) generated/.exec(output)?.[1] ?? 0) };
  }

  for (const store of E2E_DATABASES) {
    const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
    describe.skipIf(store.missing !== undefined)(`on ${store.name}${skipped}`, () => {
      let database: E2eDatabase;
      let server: ServerProcess & { url: string };
      let token: string;
      beforeAll(async () => {
        database = store.open();
        const file = join(directory, `${store.name}.json`);
        token = await grant(file, 'acme', { scopes: ['admin'] });
        server = await servers.spawnHttp({ env: { ...database.env, AUTH_TOKENS_FILE: file } });
      });
      afterAll(() => database?.drop());

      it('finds no failure of the server, and no answer that is not in the document', {
        timeout: 3_600_000,
      }, async () => {
        for (let all = 0; all < CASES; ) {
          const { output, sent } = await attack(server, token);
          expect(output).toMatch(/\d+ generated, \d+ passed/);
          expect(output).not.toContain('= FAILURES =');
          expect(output).not.toContain('= ERRORS =');
          all += sent;
        }
        expect((await send(`${server.url}/healthz`)).body).toBe('.');
        expect(server.stderr()).not.toMatch(/"level":"error"|"stack"/);
      });
    });
  }
});
