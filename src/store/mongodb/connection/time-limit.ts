import type { Collection, Db, Document } from 'mongodb';
import { unavailable } from './errors.ts';

/** How long before its caller the server gives up a command, in milliseconds. */
export const LEAD_MS = 1000;

/** The methods of a collection that send a command, with the position of their options. */
const OPTIONS_AT: Readonly<Record<string, number>> = {
  ...{ find: 1, findOne: 1, aggregate: 1, countDocuments: 1 },
  ...{ insertOne: 1, insertMany: 1, deleteOne: 1, deleteMany: 1, bulkWrite: 1 },
  ...{ updateOne: 2, updateMany: 2, findOneAndUpdate: 2 },
};

/**
 * The time limit of a command: after its caller was told that it failed, it must not take effect, nor keep
 * the server busy.
 *
 * @param deadline when the caller stops waiting, in milliseconds since 1970
 * @throws DomainError UNAVAILABLE where no time is left
 */
export function timeLimit(deadline: number): { maxTimeMS: number } {
  const maxTimeMS = Math.floor(deadline - LEAD_MS - Date.now());
  if (maxTimeMS < 1) throw unavailable(new Error('no time is left for another command'));
  return { maxTimeMS };
}

/**
 * The database with a time limit on each command that is sent to a collection. Without one of their own:
 * commands in a transaction, which the server ends as a whole.
 *
 * By hand: the driver's `timeoutMS` sets no `maxTimeMS` for a server that is reached in time.
 */
export function limitTime(db: Db, deadline: number): Db {
  return new Proxy(db, {
    get(target, name) {
      if (name === 'collection') {
        return (collection: string) => limited(target.collection(collection), deadline);
      }
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function limited(collection: Collection, deadline: number): Collection {
  return new Proxy(collection, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const at = OPTIONS_AT[name as string];
      if (at === undefined) return value.bind(target);
      return (...args: unknown[]) => {
        const options = (args[at] ?? {}) as Document;
        if (options.session === undefined && options.maxTimeMS === undefined) {
          args[at] = { ...options, ...timeLimit(deadline) };
        }
        return value.apply(target, args);
      };
    },
  });
}
