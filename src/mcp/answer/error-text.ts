import { quoted } from '../../domain/errors.ts';
import type { Fact } from '../../services/errors.ts';
import { type Audience, firstOffered } from './audience.ts';
import {
  sessionExistsText,
  sessionNotFoundText,
  undoText,
  userExistsText,
  userNotFoundText,
} from './not-found.ts';

/** The most uuids that an error text lists. */
const MAX_LISTED_UUIDS = 20;

const LISTS_MESSAGES = [
  ['list_messages', 'list_messages shows the uuids that there are.'],
  ['get_memory', 'get_memory shows the uuids of the last messages.'],
] as const;

const SEARCHES_FACTS = [['search_facts', 'search_facts shows what there is.']] as const;

const RESTORES_FACTS = [['restore_facts', 'Call restore_facts to bring it back.']] as const;

const RESTORES_MESSAGES = [
  ['restore_messages', 'Call restore_messages to bring it back.'],
] as const;

/** The path of a fact of a call, before the name of a field. */
const ofFact = (index: number | undefined) => (index === undefined ? '' : `facts.${index}.`);

function missingMessageText({
  uuid,
  session_id,
  deletion,
}: Extract<Fact, { kind: 'message_not_found' }>): string {
  return deletion === undefined
    ? `There is no message ${quoted(uuid)} in session ${quoted(session_id)}.`
    : `Message ${quoted(uuid)} of session ${quoted(session_id)} ${undoText(deletion)}`;
}

function missingFactsText(
  { uuids, deletion }: Extract<Fact, { kind: 'facts_not_found' }>,
  audience: Audience,
): string {
  const listed = uuids.slice(0, MAX_LISTED_UUIDS).join(', ');
  return deletion === undefined
    ? `There are no facts ${listed}, and nothing was changed. ${firstOffered(audience, SEARCHES_FACTS, 'Check the uuids and the user_id.')}`
    : `Fact ${listed} ${undoText(deletion)} ${firstOffered(audience, RESTORES_FACTS)}`.trimEnd();
}

function missingEntityText(
  { name, deletion }: Extract<Fact, { kind: 'entity_not_found' }>,
  audience: Audience,
): string {
  return deletion === undefined
    ? `There is no entity ${quoted(name)}. ${firstOffered(audience, SEARCHES_FACTS, 'Check the name and the user_id.')}`
    : `Entity ${quoted(name)} ${undoText(deletion)} Its uuid is ${deletion.uuid}. ${firstOffered(audience, RESTORES_FACTS)}`.trimEnd();
}

/** The text of an error for a model that called a tool: what is wrong, and what to do next. */
export function errorText(fact: Fact, audience: Audience): string {
  switch (fact.kind) {
    case 'session_not_found':
      return sessionNotFoundText(fact, audience);
    case 'session_exists':
      return sessionExistsText(fact, audience);
    case 'session_has_user':
      return `Session ${quoted(fact.session_id)} belongs to user ${quoted(fact.user_id)}, and a session never changes its user. Use it with that user or none, or choose another session_id.`;
    case 'session_forbidden':
      return `Session ${quoted(fact.session_id)} is not yours. Choose a session_id that begins with ${quoted(fact.prefix)}, and that you have not used, or one of your sessions${firstOffered(audience, [['list_sessions', ', which list_sessions shows']])}.`;
    case 'user_not_found':
      return userNotFoundText(fact, audience);
    case 'user_exists':
      return userExistsText(fact, audience);
    case 'users_forbidden':
      return 'This credential is for the records of one user. Ask whoever runs the server for another one.';
    case 'message_not_found':
      return `${missingMessageText(fact)} ${firstOffered(audience, fact.deletion === undefined ? LISTS_MESSAGES : RESTORES_MESSAGES, 'Check the uuid and the session_id.')}`;
    case 'messages_not_found':
      return `There are no messages ${fact.uuids.slice(0, MAX_LISTED_UUIDS).join(', ')} in session ${quoted(fact.session_id)}, and nothing was changed. ${firstOffered(audience, LISTS_MESSAGES, 'Check the uuids and the session_id.')}`;
    case 'facts_not_found':
      return missingFactsText(fact, audience);
    case 'entity_not_found':
      return missingEntityText(fact, audience);
    case 'fact_times_reversed':
      return `${ofFact(fact.index)}invalid_at: ${fact.invalid_at} is earlier than valid_at, ${fact.valid_at}. Exchange or correct them.`;
    case 'fact_supersedes_itself':
      return `${ofFact(fact.index)}supersedes: ${fact.uuid} is that fact itself, which is known already. Leave it out${firstOffered(audience, [['update_fact', ', or change the fact with update_fact']])}.`;
    case 'too_many_superseded':
      return `facts: they supersede ${fact.count} facts in all, and at most ${fact.max} are allowed in one call. Divide the call.`;
    case 'duplicate_uuids':
      return 'messages: two of them have the same uuid. Give each its own.';
    case 'message_ahead':
      return `messages.${fact.index}.created_at: ${fact.created_at} is in the future: it is ${fact.now} now. Give the time at which it was said, or leave it out for now.`;
    case 'append_outcome_unknown':
      return `${fact.problem} ${
        fact.uuids.length <= MAX_LISTED_UUIDS
          ? `So that nothing is stored twice, repeat it with these uuids, in this order: ${fact.uuids.join(', ')}.`
          : 'So that nothing is stored twice, read the last messages of the session before you repeat it.'
      }`;
    case 'nothing_to_summarize':
      return `up_to_seq: the session has no messages to summarize${firstOffered(audience, [['add_memory', ': add some with add_memory first']])}.`;
    case 'summary_out_of_range':
      return `up_to_seq is ${fact.up_to_seq}, and allowed is ${fact.min_seq} to ${fact.max_seq}: from what is summarized already to the last message.`;
    case 'filtered_list_is_not_counted':
      return 'A list with query or metadata is neither counted nor numbered by pages. Leave include_total, page_size and page_number out, and use limit and cursor.';
    case 'search_in_session_and_user':
      return 'session_id and user_id cannot both be given. Give the session, or the user to search all of their sessions.';
    case 'search_since_after_until':
      return 'since is later than until. Exchange them.';
    case 'search_cannot_continue':
      return 'The embeddings endpoint, by which the pages before were ranked, does not answer. Repeat the call shortly, or begin anew without cursor to search by words.';
    case 'long_reads_queue_timeout':
      return `Too many searches and long lists of yours are under way: this one has waited for ${fact.waited_ms / 1000} s and was not begun. Ask for fewer at once, then repeat the call.`;
  }
}
