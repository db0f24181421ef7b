import type { Config } from '../config/index.ts';
import type { Store } from '../store/port.ts';
import type { HttpUsage, Metrics } from './ops/metrics.ts';
import type { OpsServer } from './ops/server.ts';

/** Creates the metrics if there is a port that serves them. Otherwise it loads nothing. */
export async function loadMetrics(
  { opsPort }: Config,
  usage: () => HttpUsage | undefined,
): Promise<Metrics | undefined> {
  if (opsPort === undefined) return undefined;
  const { createMetrics } = await import('./ops/metrics.ts');
  return createMetrics(() => usage() ?? { connections: 0, streams: 0, bodies: 0 });
}

/**
 * Opens the operations port. It binds the address of `--host` unless `--ops-host` is given.
 *
 * @param signInObstacle why callers cannot sign in at the moment, if so
 * @throws the system's error when the address cannot be bound
 */
export async function openOps(
  { host, opsHost = host, opsPort: port = 0 }: Config,
  store: () => Promise<Store>,
  signInObstacle: () => Promise<string | undefined>,
  metrics: Metrics,
): Promise<OpsServer> {
  const { serveOps } = await import('./ops/server.ts');
  const ping = async () => (await store()).ping();
  return serveOps({ host: opsHost, port, ping, signInObstacle, metrics });
}

/** Measures every operation of a store. Without metrics, it returns the store itself. */
export async function measured(store: Store, metrics: Metrics | undefined): Promise<Store> {
  if (metrics === undefined) return store;
  const { measuredStore } = await import('./ops/measured-store.ts');
  return measuredStore(store, metrics.storeUsed);
}
