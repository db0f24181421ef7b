import { describe, expect, it } from 'vitest';
import { createHostGuard } from '../../../src/transports/http/dns-rebinding.ts';

describe('the guard against other pages', () => {
  const guard = createHostGuard(['127.0.0.1', 'Sessions.Example.ORG']);

  it.each([
    ['localhost:3939', undefined],
    ['127.0.0.1', undefined],
    ['[::1]:80', undefined],
    ['192.168.1.7:3939', undefined],
    ['sessions.example.org', undefined],
    ['SESSIONS.example.org:443', 'https://sessions.example.org'],
    ['localhost', 'http://localhost:6274'],
  ])('lets Host %s with Origin %s through', (host, origin) => {
    expect(guard(host, origin)).toBeUndefined();
  });

  it.each([
    ['evil.example', undefined],
    ['localhost.evil.example', undefined],
    ['127.0.0.1.evil.example', undefined],
    ['evil.example@localhost', undefined],
    ['localhost/evil', undefined],
    ['', undefined],
    [undefined, undefined],
    ['localhost', 'http://evil.example'],
    ['localhost', 'null'],
    ['localhost', 'file://'],
    ['localhost', 'http://localhost.evil.example'],
  ])('refuses Host %s with Origin %s, and echoes neither', (host, origin) => {
    const refusal = guard(host, origin);
    expect(refusal).toBeDefined();
    expect(refusal).not.toContain('evil');
  });
});
