import type { Changed } from '../services/services.ts';
import { changedResources } from './resources/index.ts';

/** Hears of the URI of a resource that has changed. */
export type ChangeListener = (uri: string) => void;

/** Tells whoever listens in a namespace of the resources that changed in it. */
export class Changes {
  readonly #listeners = new Map<string, Set<ChangeListener>>();

  /** Listens until the returned function is called. */
  listen(namespace: string, listener: ChangeListener): () => void {
    const listeners = this.#listeners.get(namespace) ?? new Set();
    this.#listeners.set(namespace, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(namespace) === listeners) {
        this.#listeners.delete(namespace);
      }
    };
  }

  tell(namespace: string, changed: Changed): void {
    const listeners = this.#listeners.get(namespace);
    if (listeners === undefined) return;
    for (const uri of changedResources(changed)) {
      for (const listener of listeners) listener(uri);
    }
  }
}
