import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { createMetrics } from '../src/app/ops/metrics.ts';
import { type Config, load, SETTINGS } from '../src/config/index.ts';
import { COLLECTION } from '../src/store/mongodb/documents.ts';
import { GRACE_MS } from '../src/transports/limits.ts';

const ROOT = new URL('..', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

const VARIABLES = new Set(
  Object.values(SETTINGS).flatMap((setting) => ('env' in setting ? [setting.env as string] : [])),
);

const dockerfile = read('Dockerfile');
const compose = parse(read('deploy/compose.yaml'), { merge: true });
const haproxy = read('deploy/haproxy.cfg');
const kubernetes = parseAllDocuments(read('deploy/kubernetes.yaml')).map((document) => {
  expect(document.errors).toEqual([]);
  return document.toJS();
});
const [deployment, service, budget] = kubernetes;
const [container] = deployment.spec.template.spec.containers;
const command: string[] = JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '');

interface EnvVariable {
  name: string;
  value?: string;
}

/** What each kind of container makes of its command line and its environment. */
const CONTAINERS: [name: string, config: Config][] = [
  ['the image, given tokens', configured(command, { AUTH_TOKENS_FILE: '/data/tokens.json' })],
  ['server-1', configured(command, compose.services['server-1'].environment)],
  ['server-2', configured(command, compose.services['server-2'].environment)],
  ['the pod', configured(container.args, ofKubernetes(container.env))],
];

function configured(argv: string[], env: Record<string, string>): Config {
  const loaded = load(argv, env, 'linux');
  if (loaded.kind !== 'config') throw new Error(loaded.kind);
  return loaded.config;
}

function ofKubernetes(env: EnvVariable[]): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name, value }) => [name, value ?? 'mongodb://from-a-secret/']),
  );
}

function seconds(text: string): number {
  return Number(/^(\d+)s$/.exec(text)?.[1]);
}

describe('the deployment', () => {
  it.each(CONTAINERS)('starts %s with settings that are right', (_name, config) => {
    expect(config).toMatchObject({ http: true, insecure: false, host: '0.0.0.0' });
    expect(config.authTokensFile).toMatch(/^\/\w+\/tokens\.json$/);
  });

  it('names no variable that is none', () => {
    const named = [
      ...Object.values<{ environment?: object }>(compose.services).flatMap(({ environment }) =>
        Object.keys(environment ?? {}),
      ),
      ...container.env.map(({ name }: EnvVariable) => name),
      ...read('docs/operations.md').matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g),
    ].map(String);
    expect(named).toContain('DRAIN_DELAY');
    expect(named.filter((name) => !VARIABLES.has(name))).toEqual([]);
  });

  it('agrees with itself about the ports', () => {
    for (const [, { port, opsPort }] of CONTAINERS) expect([port, opsPort]).toEqual([3939, 9464]);
    expect(dockerfile).toContain('EXPOSE 3939 9464');
    expect(dockerfile).toMatch(/HEALTHCHECK.*\\\n.*127\.0\.0\.1:9464\/healthz/);
    expect(compose.services.proxy.ports).toEqual(['3939:3939']);
    expect(haproxy).toMatch(/bind :3939\n/);
    expect(haproxy).toMatch(/check port 9464 /);
    expect([...haproxy.matchAll(/^ +server (\S+) (\S+)$/gm)].map(([, , at]) => at)).toEqual([
      ...['server-1:3939', 'server-2:3939'],
      ...['server-1:3939', 'server-2:3939'],
    ]);
    expect(container.ports).toEqual([
      { name: 'http', containerPort: 3939 },
      { name: 'ops', containerPort: 9464 },
    ]);
    expect(service.spec.ports[0].targetPort).toBe('http');
    const { annotations } = deployment.spec.template.metadata;
    expect(annotations['prometheus.io/port']).toBe('9464');
  });

  it('asks for what the operations port answers', () => {
    expect(haproxy).toContain('option httpchk GET /readyz\n');
    const { startupProbe, livenessProbe, readinessProbe } = container;
    for (const probe of [startupProbe, livenessProbe]) {
      expect(probe.httpGet).toEqual({ path: '/healthz', port: 'ops' });
    }
    expect(readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'ops' });
  });

  it('kills no server before that has drained and answered', () => {
    const [, server] = CONTAINERS[1] as (typeof CONTAINERS)[number];
    const grace = compose.services['server-1'].stop_grace_period;
    expect(seconds(grace) * 1000).toBeGreaterThan(server.drainDelay + GRACE_MS);
    const [, pod] = CONTAINERS[3] as (typeof CONTAINERS)[number];
    const { terminationGracePeriodSeconds } = deployment.spec.template.spec;
    expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(pod.drainDelay + GRACE_MS);
    expect(pod.drainDelay).toBeGreaterThan(container.readinessProbe.periodSeconds * 2000);
  });

  it('selects the pods that it makes', () => {
    const { labels } = deployment.spec.template.metadata;
    for (const selector of [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
    ]) {
      expect(selector).toEqual(labels);
    }
  });

  it('runs nothing as root', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(deployment.spec.template.spec.securityContext.runAsNonRoot).toBe(true);
  });

  it('copies only what there is, and what .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => /^!(.*)$/.exec(line)?.[1] ?? []);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files]) =>
      (files as string).split(' '),
    );
    expect(new Set(copied)).toEqual(new Set(allowed));
    for (const file of copied)
      expect(existsSync(fileURLToPath(new URL(file, ROOT))), file).toBe(true);
  });

  it('shards collections that there are, in the database that there is by default', () => {
    const named = read('docs/operations.md').matchAll(/shardCollection\('(\w+)\.(\w+)'/g);
    const sharded = [...named].map(([, database, collection]) => [database, collection]);
    const collections = new Set<string>(Object.values(COLLECTION));
    expect(sharded).toHaveLength(4);
    for (const [database, collection] of sharded) {
      expect(database).toBe('mcp_sessions');
      expect(collections).toContain(collection);
    }
  });

  it('watches metrics that there are', async () => {
    const metrics = createMetrics(() => ({ connections: 0, streams: 0, bodies: 0 }));
    metrics.extraction();
    const text = await metrics.text();
    const named =
      read('docs/operations.md').match(/(?<!\.)\b(mcp_sessions|nodejs)_[a-z]\w+/g) ?? [];
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) {
      expect(text).toContain(`# TYPE ${name.replace(/_(bucket|count|sum)$/, '')} `);
    }
  });
});
