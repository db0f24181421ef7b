import { DomainError } from '../../domain/errors.ts';
import { timestamp } from '../../domain/times.ts';
import { analyseQuestion } from '../../search/analyzer.ts';
import type { ChatModel, ChatRequest } from '../../search/model-api/chat.ts';
import { EndpointError } from '../../search/model-api/error.ts';
import { estimateTokens } from '../append.ts';
import type { Caller } from '../caller.ts';
import { type ContextFact, relevantFacts } from '../context/facts.ts';
import type { Dependencies } from '../dependencies.ts';
import { runInSlices } from '../event-loop.ts';
import type { FactAccess, OpenedUser } from '../facts/access.ts';
import { coverageMessage } from '../facts/coverage.ts';
import type { EntityDetail } from '../facts/entity-details.ts';
import { nameOfUser } from '../facts/entity-names.ts';
import { prepareFacts, type SourcedFact } from '../facts/prepare.ts';
import { evenWeights } from '../search/lexical.ts';
import { type AnsweredFact, type AnswerProblem, checkAnswer } from './answer.ts';
import type { Batch } from './batch.ts';
import { type Known, PROBE, requestFor } from './prompt.ts';

/** How often a batch is given to the model before it is given up. */
const ATTEMPTS = 3;

/** The most bytes of known facts in a request. */
const KNOWN_BYTES = 6 * 1024;

/** How much of each message is looked up among the known facts, in characters. */
const LOOKED_UP_LENGTH = 1000;
const LOOKED_UP_MESSAGES = 12;

/** Why a batch was given up, or an answer not applied. */
export type BatchProblem = AnswerProblem | 'refused' | 'timeout' | 'not_applicable';

/** What became of a batch. */
export interface BatchResult {
  /** The facts that are new. */
  facts: number;
  /** Present if the batch was given up. */
  dropped?: BatchProblem;
}

/** How the calls of a model are held within their limits. */
export interface Turns {
  /** Waits until a call may be made, and counts it. @throws if that is not today */
  begin(tokens: number): Promise<void>;
  /** Corrects the estimate. */
  end(estimated: number, tokens: number): void;
  /** Takes the answers that cannot be used. */
  wrong(problem: BatchProblem): void;
}

export interface Extraction {
  deps: Dependencies;
  access: FactAccess;
  model: ChatModel;
  turns: Turns;
  signal: AbortSignal;
  /** Makes sure that nobody else may have read the batch. @throws LeaseLost */
  confirm(): Promise<void>;
}

/**
 * Draws facts from a batch. They are appended together with the coverage of the messages: all of it or
 * nothing. A batch that the model cannot read is covered without facts after some attempts.
 *
 * @throws EndpointError if the endpoint gives no answers at all; what `turns` and `confirm` throw; what the
 *   store throws
 */
export async function extractFacts(
  extraction: Extraction,
  caller: Caller,
  batch: Batch,
): Promise<BatchResult> {
  const { deps, access } = extraction;
  const opened = await access.open(caller, batch.user_id);
  if (batch.messages.length === 0) {
    await apply(extraction, caller, opened, batch);
    return { facts: 0 };
  }
  const known = await knownBefore(deps, opened, batch);
  const request = requestFor(batch, known);
  const asked = {
    messages: batch.messages.length,
    known_facts: known.facts.length,
    entities: known.entities,
  };
  let problem: BatchProblem = 'incomplete';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const text = await ask(extraction, request);
    if (typeof text === 'object') problem = text.problem;
    else {
      const answer = checkAnswer(text, asked);
      if ('facts' in answer) {
        const facts = answer.facts.map((one) => sourced(one, batch, known.facts));
        const stated = { facts, details: answer.entities };
        const applied = await apply(extraction, caller, opened, batch, stated).catch(notApplicable);
        if (applied !== undefined) return { facts: applied };
        problem = 'not_applicable';
      } else problem = answer.problem;
    }
    extraction.turns.wrong(problem);
    // The same request would be refused again.
    if (problem === 'refused') break;
  }
  if (problem === 'refused' || problem === 'timeout') await complete(extraction, PROBE);
  await apply(extraction, caller, opened, batch);
  return { facts: 0, dropped: problem };
}

/**
 * What the model wrote.
 *
 * @returns a problem if it is not known whether the endpoint or the messages are to blame
 */
async function ask(
  extraction: Extraction,
  request: ChatRequest,
): Promise<string | undefined | { problem: 'refused' | 'timeout' }> {
  try {
    return await complete(extraction, request);
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    const { problem } = error;
    if (problem !== 'refused' && problem !== 'timeout') throw error;
    return { problem };
  }
}

/** Asks the model once, within the limits. @throws EndpointError if it gives no answer */
async function complete(
  { model, turns, signal }: Extraction,
  request: ChatRequest,
): Promise<string | undefined> {
  const estimated = estimateTokens(request.system + request.user);
  await turns.begin(estimated);
  const { text, tokens } = await model.complete(request, signal);
  turns.end(estimated, tokens);
  return text;
}

const NOTHING = { facts: [], details: [] };

/** Appends facts with the coverage of their batch. @returns how many are new */
async function apply(
  { deps, access, confirm }: Extraction,
  caller: Caller,
  { user, place }: OpenedUser,
  batch: Batch,
  stated: { facts: readonly SourcedFact[]; details: readonly EntityDetail[] } = NOTHING,
): Promise<number> {
  const { facts, details } = stated;
  const prepared = await prepareFacts(place, user.uuid, facts, timestamp(deps.now()), { details });
  const coverage = batch.sessions.map((one) => coverageMessage(one, 'model', one.through_seq));
  await confirm();
  await access.storeFacts(caller, user.user_id, prepared, coverage);
  return prepared.results.filter(({ status }) => status === 'created').length;
}

/** Rules that an answer breaks make it a wrong one. */
function notApplicable(error: unknown): undefined {
  if (error instanceof DomainError && error.code === 'INVALID_ARGUMENT') return undefined;
  throw error;
}

function sourced(fact: AnsweredFact, batch: Batch, known: readonly ContextFact[]): SourcedFact {
  const { messages: places, contradicts, ...stated } = fact;
  const messages = places.flatMap((place) => batch.messages[place] ?? []);
  const said_at = messages.reduce(
    (last, { created_at }) => (created_at > last ? created_at : last),
    '',
  );
  return {
    ...stated,
    sources: messages.map(({ session_id, uuid }) => ({ session_id, uuid })),
    ...(contradicts.length > 0 && {
      contradiction: { uuids: contradicts.flatMap((place) => known[place]?.uuid ?? []), said_at },
    }),
  };
}

/** What is known already of what a batch is about. */
async function knownBefore(
  deps: Dependencies,
  { store, user, place }: OpenedUser,
  { messages }: Batch,
): Promise<Known> {
  const name = nameOfUser(user);
  const texts = messages
    .slice(-LOOKED_UP_MESSAGES)
    .map(({ text }) => text.slice(0, LOOKED_UP_LENGTH))
    .toReversed();
  const { terms } = await runInSlices(analyseQuestion(texts.join('\n')));
  const question = { ...place, newest: texts[0] ?? '', termWeights: evenWeights(terms) };
  const facts = terms.length === 0 ? [] : await relevantFacts(deps, store, question, KNOWN_BYTES);
  const names = facts.flatMap(({ subject, object }) => [subject.name, object.name]);
  return { name, facts, entities: [...new Set([name, ...names])] };
}
