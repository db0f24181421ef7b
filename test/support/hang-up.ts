interface Dispatcher {
  destroy(): Promise<void>;
}

/** The key of the agent that holds Node's reusable connections of `fetch`. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/** Closes the idle connections of this process's `fetch`. Its next request opens a new one. */
export async function hangUp(): Promise<void> {
  const holder = globalThis as unknown as Record<symbol, Dispatcher>;
  const old = holder[DISPATCHER] as Dispatcher;
  holder[DISPATCHER] = new (old.constructor as new () => Dispatcher)();
  await old.destroy();
}
