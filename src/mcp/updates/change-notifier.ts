import type { Caller } from '../../services/caller.ts';
import { type ChangeEvent, ownerOf } from '../../services/events.ts';
import { changedResources } from '../resources/index.ts';

/** Called with the URI of each changed resource. */
export type ChangeListener = (uri: string) => void;

interface Listening {
  caller: Caller;
  listener: ChangeListener;
}

/** Notifies listeners of changed resources that exist for their caller. */
export class ChangeNotifier {
  readonly #byNamespace = new Map<string, Set<Listening>>();

  /** Subscribes a listener until the returned function is called. */
  listen(caller: Caller, listener: ChangeListener): () => void {
    const { namespace } = caller;
    const all = this.#byNamespace.get(namespace) ?? new Set();
    const listening = { caller, listener };
    this.#byNamespace.set(namespace, all.add(listening));
    return () => {
      all.delete(listening);
      if (all.size === 0 && this.#byNamespace.get(namespace) === all) {
        this.#byNamespace.delete(namespace);
      }
    };
  }

  /** Bound, because it is passed to the services as a callback. */
  readonly notify = (namespace: string, event: ChangeEvent): void => {
    const listening = this.#byNamespace.get(namespace);
    if (listening === undefined) return;
    const owner = ownerOf(event);
    const concerned = [...listening].filter(
      ({ caller }) => caller.user_id === undefined || caller.user_id === owner,
    );
    if (concerned.length === 0) return;
    for (const uri of changedResources(event)) {
      for (const { listener } of concerned) listener(uri);
    }
  };
}
