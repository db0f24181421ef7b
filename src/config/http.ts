import { z } from 'zod';
import type { Setting } from './setting.ts';
import { count, durationBetween, list, toggle, UNIT_MS } from './values.ts';

const hostName = z.string().min(1, 'a host name or address');
const port = count(0, 65_535);

const ORIGINS_EXPECTED =
  'a list of origins separated by commas, such as https://app.example.org, or *';

/**
 * An origin as browsers write it, or `*`. `null` is none: pages of anybody can have it. Apart from
 * http and https, extensions and apps have schemes of their own.
 */
const origin = z
  .string()
  .regex(/^(\*|[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\*]+\/?)$/i, ORIGINS_EXPECTED)
  .refine((text) => text === '*' || URL.canParse(text), ORIGINS_EXPECTED)
  .transform((text) => {
    if (text === '*') return text;
    const { protocol, host } = new URL(text);
    return `${protocol}//${host}`;
  });

/** Where the server listens, and the addresses by which it is known. */
export const HTTP_SETTINGS = {
  http: {
    flag: 'http',
    schema: toggle,
    help: 'Serve Streamable HTTP and HTTP+SSE instead of stdio.',
  },
  host: {
    flag: 'host',
    takes: 'HOST',
    needs: ['http'],
    schema: hostName.prefault('127.0.0.1'),
    help: 'Address to bind.',
  },
  port: {
    flag: 'port',
    takes: 'PORT',
    needs: ['http'],
    schema: port.prefault('3939'),
    help: 'Port to bind; 0 picks a free one.',
  },
  noRest: {
    flag: 'no-rest',
    needs: ['http'],
    schema: toggle,
    help: 'Do not serve the REST API, /api and /healthz, for the original clients.',
  },
  opsPort: {
    flag: 'ops-port',
    takes: 'PORT',
    needs: ['http'],
    schema: port.optional(),
    unset: 'not served',
    help: 'Port that serves /healthz, /readyz and /metrics without sign-in; 0 picks a free one.',
  },
  opsHost: {
    flag: 'ops-host',
    takes: 'HOST',
    needs: ['http', 'opsPort'],
    schema: hostName.optional(),
    unset: 'the address of --host',
    help: 'Address to bind for --ops-port.',
  },
  drainDelay: {
    env: 'DRAIN_DELAY',
    schema: durationBetween(0, 10 * UNIT_MS.m, 'a time up to 10m, such as 10s').prefault('0s'),
    help: 'How long to keep serving after a stop signal, while /readyz already reports 503.',
  },
  allowedHosts: {
    env: 'ALLOWED_HOSTS',
    flag: 'allowed-hosts',
    takes: 'LIST',
    schema: list
      .pipe(
        z.array(
          z
            .string()
            .regex(/^[a-z0-9.-]+$/i, 'a list of host names separated by commas, without ports'),
        ),
      )
      .default([]),
    unset: 'none',
    help: 'Host names to accept besides localhost and IP addresses, comma-separated.',
  },
  allowedOrigins: {
    env: 'ALLOWED_ORIGINS',
    flag: 'allowed-origins',
    takes: 'LIST',
    schema: list.pipe(z.array(origin)).default([]),
    unset: 'none',
    help: 'Origins whose web pages may call the server (CORS), such as https://app.example.org, comma-separated; * allows every page.',
  },
  publicUrl: {
    env: 'PUBLIC_URL',
    schema: z
      .string()
      .regex(
        /^https?:\/\/[a-z0-9.-]+(:\d+)?\/?$/i,
        'the scheme and host of a URL, such as https://sessions.example.org',
      )
      .transform((text) => text.replace(/\/$/, ''))
      .optional(),
    unset: 'the address that is bound',
    help: 'URL at which clients reach the server through a proxy, such as https://sessions.example.org.',
  },
  insecure: {
    flag: 'insecure',
    needs: ['http'],
    schema: toggle,
    help: 'Allow a --host that other machines can reach although callers do not sign in.',
  },
} as const satisfies Record<string, Setting>;
