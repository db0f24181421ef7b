import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BackPressure } from '../../../src/transports/stdio/back-pressure.ts';

/** Something written to that is read only when told to. */
class Unread extends Writable {
  #taken: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 10 });
  }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    this.#taken = done;
  }

  read(): void {
    this.#taken?.();
  }
}

function open() {
  const output = new Unread();
  const room = new BackPressure({ callsAtOnce: 2, bytes: 100 }, output);
  const { inFlight: pending } = room;
  const isThere = () => room.whenReady() === undefined;
  return { output, room, pending, isThere };
}

describe('room for another message', () => {
  it('is there while few requests are under way, and again when one is answered', async () => {
    const { room, pending, isThere } = open();
    pending.add(1);
    expect(isThere()).toBe(true);
    pending.add(2);
    const waiting = room.whenReady();
    expect(waiting).toBeInstanceOf(Promise);
    for (const id of [1, 2]) pending.settle(id);
    await waiting;
    expect(isThere()).toBe(true);
  });

  it('is not there while requests that are under way are long', () => {
    const { pending, isThere } = open();
    pending.add(1, 100);
    expect(isThere()).toBe(false);
    pending.settle(1);
    expect(isThere()).toBe(true);
  });

  it('is not there while the work of too many goes on, answered or not', async () => {
    const { room, isThere } = open();
    const ends = [room.hold(1), room.hold(2)];
    expect(isThere()).toBe(false);
    const waiting = room.whenReady();
    for (const end of ends) end?.();
    await waiting;
    expect(isThere()).toBe(true);
  });

  it('is not there while the client does not read, and all is well once it is gone', async () => {
    const { output, room, isThere } = open();
    expect(room.whenRead()).toBeUndefined();
    output.write('more than it takes at once');
    expect(isThere()).toBe(false);
    const waiting = [room.whenReady(), room.whenRead()];
    output.read();
    await Promise.all(waiting);
    expect(isThere()).toBe(true);
    output.write('more than it takes at once');
    const ending = [room.whenReady(), room.whenRead()];
    output.destroy();
    await Promise.all(ending);
    expect(room.whenRead()).toBeUndefined();
  });
});
