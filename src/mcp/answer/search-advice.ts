import type { EmbeddingProblem } from '../../search/embeddings/error.ts';
import type { SearchNote } from '../../services/search/note.ts';

const EMBEDDING_PROBLEMS: Record<EmbeddingProblem, string> = {
  unreachable: 'cannot be reached',
  timeout: 'does not answer in time',
  overloaded: 'has too much to do',
  failing: 'fails',
  unauthorized: 'refuses the API key',
  misconfigured: 'does not know the model',
  refused: 'refuses the query',
  invalid_answer: 'answers with something that is no vector',
};

/** Describes what a search left out and how to find it; `undefined` if it left out nothing. */
export function searchAdvice(notes: readonly SearchNote[]): string | undefined {
  return notes.length === 0 ? undefined : notes.map(noteText).join(' ');
}

function noteText(note: SearchNote): string {
  switch (note.kind) {
    case 'no_terms':
      return 'The query has nothing to look for: no letter, digit or emoji. Use words that the messages may have.';
    case 'words_omitted':
      return `Only the first ${note.searched} words of the query were looked for, and ${note.omitted} were not: make it shorter.`;
    case 'messages_omitted': {
      const until = note.until === undefined ? '' : ` with until ${note.until}`;
      return `Some words are in many messages, and of each word only the newest ${note.ranked_per_word} were considered. To look further back, repeat the search${until}, or narrow it by session_id, user_id or since.`;
    }
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
