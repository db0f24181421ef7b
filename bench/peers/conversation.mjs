// The conversation that ours and its peers keep.

export const MESSAGES_PER_SESSION = 10;

/** Of one call, which takes at most 1,000. */
const BATCH = 1000;

/** What was said in one turn: about 150 characters, with a word that is nowhere else. */
export const said = (number) =>
  `In turn ${number} they spoke of kumquat${number} and of the way to Lisbon, of trains and of ferries, and of what there would be to eat on the way there, late in May.`;

/** So many messages, as `add_memory` takes them. */
export const turns = (count, first) =>
  Array.from({ length: count }, (_, i) => ({
    role: (first + i) % 2 === 0 ? 'user' : 'assistant',
    content: said(first + i),
  }));

/** Adds so many messages to a session of ours. */
export async function fill(ours, session_id, count, first = 0) {
  for (let done = 0; done < count; done += BATCH) {
    const messages = turns(Math.min(BATCH, count - done), first + done);
    await ours.call('add_memory', { session_id, messages });
  }
}

/** What every peer's way to add two messages is compared with, in sessions that have `size` already. */
export const addsTwo = (sessionOf, size) => (client, round) =>
  client.call('add_memory', {
    session_id: sessionOf(round),
    messages: turns(2, size + 2 * round),
  });

/**
 * How many sessions of `size` messages it takes for none to grow by more than a fifth while in each
 * round two messages are added to one of them.
 */
export const sessionsFor = (size, rounds) => Math.min(rounds, Math.ceil((2 * rounds) / (size / 5)));
