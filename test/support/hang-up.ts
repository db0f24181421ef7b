interface Dispatcher {
  destroy(): Promise<void>;
}

/** Where Node keeps the connections that `fetch` may use again. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/** Closes the connections that this process's `fetch` keeps for later; what it does next, opens new ones. */
export async function hangUp(): Promise<void> {
  const holder = globalThis as unknown as Record<symbol, Dispatcher>;
  const old = holder[DISPATCHER] as Dispatcher;
  holder[DISPATCHER] = new (old.constructor as new () => Dispatcher)();
  await old.destroy();
}
