import { quoted } from '../../domain/errors.ts';
import type { EndpointProblem } from '../../search/model-api/error.ts';
import type { Condition, SearchNote } from '../../services/search/note.ts';
import type { Audience } from './audience.ts';

const EMBEDDING_PROBLEMS: Record<EndpointProblem, string> = {
  unreachable: 'cannot be reached',
  timeout: 'does not answer in time',
  overloaded: 'has too much to do',
  failing: 'fails',
  unauthorized: 'refuses the API key',
  misconfigured: 'does not know the model',
  refused: 'refuses the query',
  invalid_answer: 'answers with something that is no vector',
};

/** The tools to read what a search does not find. */
const READS = ['list_sessions', 'list_messages'];

/** Where messages are that a condition leaves out. */
const CONDITIONS: Record<Condition, string> = {
  session_id: 'without session_id, in other sessions,',
  user_id: 'without user_id, in sessions of others,',
  roles: 'without roles, of other roles,',
  metadata: 'without metadata',
  time: 'without since and until',
};

/** Describes what a search left out and how to find it; `undefined` if it left out nothing. */
export function searchAdvice(
  notes: readonly SearchNote[],
  offers: Audience['offers'],
): string | undefined {
  return notes.length === 0 ? undefined : notes.map((note) => noteText(note, offers)).join(' ');
}

function noteText(note: SearchNote, offers: Audience['offers']): string {
  switch (note.kind) {
    case 'no_terms':
      return 'The query has nothing to look for: no letter, digit or emoji. Use words that the messages may have.';
    case 'words_omitted':
      return `Only the first ${note.searched} words of the query were looked for, and ${note.omitted} were not: make it shorter.`;
    case 'messages_omitted':
      return `Some words are in many messages. Of each word, the newest ${note.ranked_per_word} are ranked first; behind them, next_cursor goes on with older ones. To get at these sooner, narrow the search by session_id, user_id, roles, since or until.`;
    case 'similar_words': {
      const how = note.how === 'beginning' ? 'begin like them' : 'are spelled nearly like them';
      return `No message has the words of the query. The hits have words that ${how}: ${note.words.map((word) => quoted(word)).join(', ')}.`;
    }
    case 'hits_outside': {
      const nearest = note.nearest === undefined ? '' : `, the newest at ${note.nearest}`;
      return `Nothing was found, but ${CONDITIONS[note.of]} ${note.messages} message${note.messages === 1 ? ' has' : 's have'} such words${nearest}.`;
    }
    case 'words_only':
      return `This search compares words, not meanings: try other words that may have been said, or fewer.${READS.every(offers) ? ' Or look for the session with list_sessions, and read it with list_messages.' : ''}`;
    case 'reanalysis':
      return 'Messages that an older version of the server stored are being indexed anew, and some may be missing. Repeat the search later.';
    case 'embeddings_unavailable':
      return `Only words were looked for, since the embeddings endpoint ${EMBEDDING_PROBLEMS[note.problem]}. Repeat the search later to look for meaning too.`;
    case 'other_model':
      return `${note.messages} messages were not compared by meaning: their vectors are of another model. Whoever runs the server makes new ones with mcp-sessions embed.`;
    case 'vectors_omitted':
      return `By meaning, only the newest ${note.compared} messages were compared.`;
  }
}
