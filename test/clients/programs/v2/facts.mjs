// Facts as memory shows them, for the JavaScript clients of the cloud edition.
import { recordWarnings, refusal, report, snake } from '../report.mjs';
import { connect } from './client.mjs';

recordWarnings();
const { memory } = connect();

const got = snake(await memory.get('said'));
const [{ uuid }] = got.relevant_facts;
const one = snake(await memory.getFact(uuid));
const deleted = await memory.deleteFact(uuid).catch((error) => {
  // zep-js 2.0.2 looks for a text there. The fact is deleted.
  if (error.constructor.name !== 'ParseError') throw error;
  return null;
});
report({
  context: got.context,
  relevant: got.relevant_facts,
  one: one.fact,
  deleted,
  gone: await refusal(() => memory.getFact(uuid)),
  goneAgain: await refusal(() => memory.deleteFact(uuid)),
  left: (await memory.get('said')).relevantFacts,
});
