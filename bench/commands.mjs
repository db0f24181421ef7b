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

/** What a command goes through, or one stage of it, if its part of an explanation says so. */
function statsOf({ executionStats, totalKeysExamined, totalDocsExamined }) {
  if (executionStats !== undefined) return statsOf(executionStats);
  if (totalKeysExamined === undefined) return undefined;
  return { keys: Number(totalKeysExamined), documents: Number(totalDocsExamined) };
}

const sum = (all) => ({
  keys: all.reduce((total, { keys }) => total + keys, 0),
  documents: all.reduce((total, { documents }) => total + documents, 0),
});

/**
 * What a $lookup goes through, as the finds that it is made of: one for each value that it is given,
 * those in an array one by one.
 */
async function lookedUp(db, from, before, { localField, foreignField, ...lookup }) {
  const local = [...before, { $project: { _id: 0, value: `$${localField}` } }];
  const values = await db.collection(from).aggregate(local).toArray();
  const plans = await Promise.all(
    values
      .flatMap(({ value }) => value)
      .map((value) =>
        db
          .collection(lookup.from)
          .find({ [foreignField]: value })
          .explain('executionStats'),
      ),
  );
  return sum(plans.map(statsOf));
}

/**
 * How many keys and documents the server goes through for a `find` or `aggregate` that was recorded;
 * `undefined` if its `explain` does not say.
 */
export async function scanCounts(db, { command }) {
  const own = Object.fromEntries(
    Object.entries(command).filter(([name]) => !OF_THE_CONNECTION.includes(name)),
  );
  const plan = await db.command({ explain: own, verbosity: 'executionStats' });
  const all = [];
  // An aggregation may be explained stage by stage: its reading, then each that is left to do.
  for (const stage of plan.stages ?? [plan]) {
    const stats = statsOf(stage.$cursor ?? stage);
    if (stats !== undefined) all.push(stats);
    else if (stage.$lookup !== undefined) {
      const at = command.pipeline.findIndex(({ $lookup }) => $lookup?.as === stage.$lookup.as);
      const before = command.pipeline.slice(0, at);
      all.push(await lookedUp(db, command.aggregate, before, command.pipeline[at].$lookup));
    }
  }
  return all.length === 0 ? undefined : sum(all);
}
