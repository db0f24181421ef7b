import type { Server } from '@modelcontextprotocol/server';
import { quoted } from '../../domain/errors.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Caller } from '../../services/caller.ts';
import { invalidParams } from '../answer/protocol-errors.ts';
import { RESOURCES } from '../resources/index.ts';
import { URI_MAX } from '../resources/resource-uri.ts';
import { serveRequest, uriParams } from '../serve-request.ts';
import type { ChangeNotifier } from './change-notifier.ts';
import { coalesceUpdates, type WhenRead } from './coalesced-updates.ts';

/** The most resources that one connection may subscribe to. */
const MAX_SUBSCRIPTIONS = 1000;

export interface SubscriptionOptions {
  caller: Caller;
  era: 'legacy' | 'modern';
  whenRead: WhenRead | undefined;
  logger: Logger;
}

/**
 * Notifies the client of a long-lived connection of changes to the resources that it subscribed to. In
 * the modern protocol era, the SDK keeps the subscriptions and drops other notifications.
 */
export function serveSubscriptions(
  server: Server,
  changes: ChangeNotifier,
  { caller, era, whenRead, logger }: SubscriptionOptions,
): void {
  /** The URIs that the client subscribed with, by the canonical URI of the resource. */
  const subscribed = new Map<string, Set<string>>();
  let count = 0;
  serveRequest(server, 'resources/subscribe', uriParams, ({ uri }) => {
    if (uri.length > URI_MAX) {
      throw invalidParams(
        `The URI is ${uri.length} characters long, and at most ${URI_MAX} are read. Shorten it: no resource needs more.`,
      );
    }
    const canonical = canonicalUri(uri);
    if (canonical === undefined) {
      throw invalidParams(
        `There is no resource ${quoted(uri)}. resources/templates/list shows the kinds.`,
      );
    }
    const asked = subscribed.get(canonical) ?? new Set();
    if (asked.has(uri)) return {};
    if (count >= MAX_SUBSCRIPTIONS) {
      throw invalidParams(
        `At most ${MAX_SUBSCRIPTIONS} subscriptions are kept. End another first.`,
      );
    }
    count += 1;
    subscribed.set(canonical, asked.add(uri));
    listen();
    return {};
  });
  serveRequest(server, 'resources/unsubscribe', uriParams, ({ uri }) => {
    const canonical = canonicalUri(uri) ?? uri;
    const asked = subscribed.get(canonical);
    if (asked?.delete(uri)) count -= 1;
    if (asked?.size === 0) subscribed.delete(canonical);
    return {};
  });

  const tell = coalesceUpdates(
    (uri) =>
      server
        .sendResourceUpdated({ uri })
        .catch((error: unknown) => logger.debug('resource update not sent', { error })),
    whenRead,
  );
  let stop: (() => void) | undefined;
  const listen = () => {
    stop ??= changes.listen(caller, (uri) => {
      for (const asked of era === 'legacy' ? (subscribed.get(uri) ?? []) : [uri]) tell(asked);
    });
  };
  // In the legacy era, nothing has to be announced before the first subscription.
  if (era === 'modern') listen();
  const onclose = server.onclose;
  server.onclose = () => {
    stop?.();
    onclose?.();
  };
}

/** The canonical URI of a resource, however the client wrote it; `undefined` if there is no such kind. */
function canonicalUri(uri: string): string | undefined {
  for (const kind of RESOURCES) {
    const name = kind.match(uri);
    if (name !== undefined) return kind.uri(name.ids);
  }
  return undefined;
}
