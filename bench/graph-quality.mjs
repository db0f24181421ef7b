// Measures whether the context that get_memory gives has what answers a question. Conversations in the
// format of LoCoMo are loaded as sessions of one user. Each question is then the first message of a new
// session of that user, and the evidence is looked for in the context of that session.
//
//   npm run build && node bench/graph-quality.mjs FOLDER [--store embedded|mongodb]...
//                                                 [--speakers names|roles]... [--check]
//
// FOLDER holds the conversations as JSON files. Prints the recall of the evidence with 500, 1,000 and 2,000
// tokens of context: of each question, how much of its evidence is in it, and the mean of that. With
// --check it fails below the target.

import { askAll, call, mean, onStore, parseCommand, readConversations } from './locomo.mjs';

const BUDGETS = [500, 1000, 2000];

/** The recall with 1,000 tokens. */
const TARGET = 0.75;
const TARGET_BUDGET = 1000;

const BYTES_PER_TOKEN = 4;

/** Of each question, how much of its evidence each budget brings. */
async function ask(client, user_id, { sessions, questions }) {
  const placeOf = new Map(
    sessions.flatMap(({ name, turns }) =>
      turns.map(({ dia_id }, i) => [dia_id, `${user_id}/${name} ${i + 1}`]),
    ),
  );
  const recalls = [];
  for (const [i, { question, evidence }] of questions.entries()) {
    const session_id = `${user_id}/question ${i}`;
    await call(client, 'add_memory', {
      ...{ session_id, user_id, messages: [{ role: 'user', content: question }] },
    });
    const recall = [];
    for (const context_tokens of BUDGETS) {
      const { context = {} } = await call(client, 'get_memory', { session_id, context_tokens });
      const bytes = Buffer.byteLength(JSON.stringify(context));
      if (bytes > context_tokens * BYTES_PER_TOKEN) {
        throw new Error(`The context takes ${bytes} bytes, more than ${context_tokens} tokens.`);
      }
      const found = new Set(
        (context.sessions ?? []).flatMap((one) =>
          one.messages.map(({ seq }) => `${one.session_id} ${seq}`),
        ),
      );
      recall.push(evidence.filter((id) => found.has(placeOf.get(id))).length / evidence.length);
    }
    recalls.push(recall);
    await call(client, 'delete_session', { session_id });
  }
  return recalls;
}

async function measure(store, speakers, conversations, env) {
  const recalls = await askAll(env, speakers, conversations, ask);
  const means = BUDGETS.map((_, i) => mean(recalls.map((recall) => recall[i])));
  console.log(
    `${store.padEnd(10)} ${speakers} mean over ${recalls.length} questions   ${means.map((one) => one.toFixed(3)).join('   ')}`,
  );
  return means[BUDGETS.indexOf(TARGET_BUDGET)];
}

const { values, positionals } = parseCommand();
const conversations = await readConversations(positionals[0]);
console.log(`recall with ${BUDGETS.join(', ')} tokens; ${conversations.length} conversations`);
for (const speakers of values.speakers) {
  for (const store of values.store) {
    const recall = await onStore(store, (env) => measure(store, speakers, conversations, env));
    const met = recall === undefined || recall >= TARGET;
    console.log(`target: ${TARGET} with ${TARGET_BUDGET} tokens: ${met ? 'met' : 'missed'}`);
    if (values.check && !met) process.exitCode = 1;
  }
}
