import type { Server } from '@modelcontextprotocol/server';
import type { Logger } from '../logger.ts';
import type { Changes } from './changes.ts';
import { invalidParams } from './protocol-errors.ts';
import { RESOURCES } from './resources/index.ts';

/** How many resources one connection may subscribe to. */
const MAX_SUBSCRIPTIONS = 1000;

/**
 * Tells the client of a long-lived connection of changes to what it subscribed to. In the modern
 * protocol era the SDK keeps the subscriptions itself and drops what nobody asked for.
 */
export function serveSubscriptions(
  server: Server,
  changes: Changes,
  { namespace, era, logger }: { namespace: string; era: 'legacy' | 'modern'; logger: Logger },
): void {
  const subscribed = new Set<string>();
  server.setRequestHandler('resources/subscribe', ({ params: { uri } }) => {
    if (RESOURCES.every((kind) => kind.match(uri) === undefined)) {
      throw invalidParams('There is no such resource. resources/templates/list shows the kinds.');
    }
    if (subscribed.size >= MAX_SUBSCRIPTIONS && !subscribed.has(uri)) {
      throw invalidParams(
        `At most ${MAX_SUBSCRIPTIONS} subscriptions are kept. End another first.`,
      );
    }
    subscribed.add(uri);
    return {};
  });
  server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
    subscribed.delete(uri);
    return {};
  });

  const stop = changes.listen(namespace, (uri) => {
    if (era === 'legacy' && !subscribed.has(uri)) return;
    server
      .sendResourceUpdated({ uri })
      .catch((error: unknown) => logger.debug('resource update not sent', { error }));
  });
  const onclose = server.onclose;
  server.onclose = () => {
    stop();
    onclose?.();
  };
}
