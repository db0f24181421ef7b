// What the driver sends to MongoDB, by its command monitoring.

/** Commands that keep a connection, and are nobody's call. */
const HOUSEKEEPING = new Set(['hello', 'isMaster', 'ping', 'endSessions']);

/**
 * Returns a function that runs `work` and returns its result with the commands that it sent, each with
 * its name, its text and the server's reply.
 *
 * @param client was made with `monitorCommands`, and is used by nobody else meanwhile
 */
export function commandRecorder(client) {
  let sent = [];
  client.on('commandStarted', ({ commandName: name, command, requestId }) => {
    if (!HOUSEKEEPING.has(name)) sent.push({ name, command, requestId });
  });
  client.on('commandSucceeded', ({ requestId, reply }) => {
    const one = sent.find((command) => command.requestId === requestId);
    if (one !== undefined) one.reply = reply;
  });
  return async (work) => {
    const commands = [];
    sent = commands;
    const result = await work();
    sent = [];
    return { result, commands };
  };
}

/** What belongs to the connection that a command was sent by, and not to the command. */
const OF_THE_CONNECTION = [
  ...['lsid', '$clusterTime', '$db', '$readPreference', 'readConcern'],
  ...['txnNumber', 'startTransaction', 'autocommit'],
];

/**
 * How many keys and documents the server goes through for a `find` or `aggregate` that was recorded;
 * `undefined` if its `explain` does not say.
 */
export async function examined(db, { command }) {
  const own = Object.fromEntries(
    Object.entries(command).filter(([name]) => !OF_THE_CONNECTION.includes(name)),
  );
  const plan = await db.command({ explain: own, verbosity: 'executionStats' });
  // An aggregation is explained stage by stage: its reading, then each that looks something up.
  const stages = plan.stages ?? [plan];
  let keys = 0;
  let documents = 0;
  let known = false;
  for (const stage of stages) {
    const stats = stage.$cursor?.executionStats ?? stage.executionStats ?? stage;
    if (stats.totalKeysExamined === undefined) continue;
    known = true;
    keys += Number(stats.totalKeysExamined);
    documents += Number(stats.totalDocsExamined);
  }
  return known ? { keys, documents } : undefined;
}
