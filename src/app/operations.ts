import type { Config } from '../config/index.ts';
import type { Store } from '../store/port.ts';
import type { Held, Metrics } from './ops/metrics.ts';
import type { OpsServer } from './ops/server.ts';

/** What is measured, if there is a port on which somebody may ask for it; else nothing is loaded. */
export async function loadMetrics(
  { opsPort }: Config,
  held: () => Held | undefined,
): Promise<Metrics | undefined> {
  if (opsPort === undefined) return undefined;
  const { createMetrics } = await import('./ops/metrics.ts');
  return createMetrics(() => held() ?? { connections: 0, streams: 0, bodies: 0 });
}

/** Opens that port, on the host that clients connect to unless it has one of its own. */
export async function openOps(
  { host, opsHost = host, opsPort: port = 0 }: Config,
  store: () => Promise<Store>,
  signIn: () => Promise<string | undefined>,
  metrics: Metrics,
): Promise<OpsServer> {
  const { serveOps } = await import('./ops/server.ts');
  const ping = async () => (await store()).ping();
  return serveOps({ host: opsHost, port, ping, signIn, metrics });
}

/** Measures every use of a store from now on. */
export async function measure(store: Store, metrics: Metrics | undefined): Promise<Store> {
  if (metrics === undefined) return store;
  const { measuredStore } = await import('./ops/measured-store.ts');
  return measuredStore(store, metrics.stored);
}
