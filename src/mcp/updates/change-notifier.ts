import type { Caller, ChangeEvent } from '../../services/dependencies.ts';
import { changedResources } from '../resources/index.ts';

/** Hears of the URI of a resource that has changed. */
export type ChangeListener = (uri: string) => void;

interface Listening {
  caller: Caller;
  listener: ChangeListener;
}

/** Tells whoever listens of the resources that changed, as far as they exist for that caller. */
export class ChangeNotifier {
  readonly #byNamespace = new Map<string, Set<Listening>>();

  /** Listens until the returned function is called. */
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

  notify(namespace: string, changed: ChangeEvent): void {
    const owner = 'user_id' in changed ? changed.user_id : changed.owner;
    const concerned = [...(this.#byNamespace.get(namespace) ?? [])].filter(
      ({ caller }) => caller.user_id === undefined || caller.user_id === owner,
    );
    if (concerned.length === 0) return;
    for (const uri of changedResources(changed)) {
      for (const { listener } of concerned) listener(uri);
    }
  }
}
