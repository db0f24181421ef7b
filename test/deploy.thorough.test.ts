import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe('what the image is made of', () => {
  it('runs without what is needed for development alone', async () => {
    const app = await mkdtemp(join(tmpdir(), 'mcp-sessions-image-'));
    try {
      for (const file of ['package.json', 'package-lock.json', '.npmrc', 'dist']) {
        await cp(join(ROOT, file), join(app, file), { recursive: true });
      }
      await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit'], { cwd: app });
      const server = (...args: string[]) =>
        run(process.execPath, ['dist/main.js', ...args], {
          cwd: app,
          env: { SESSIONS_DB: join(app, 'data', 'sessions.db') },
        });
      await mkdir(join(app, 'data'));
      await writeFile(join(app, 'data', 'sessions.db'), '');
      expect((await server('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
      // Opens the store, whose library brings a binary.
      expect((await server('purge')).stdout).toContain('Done: 0 sessions');
      await expect(server('--http', '--host', '0.0.0.0', '--ops-port', '0')).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringContaining('AUTH_TOKENS_FILE'),
      });
    } finally {
      await rm(app, { recursive: true, force: true });
    }
  });
});
