import { userId } from '../../domain/records.ts';
import { defineResource } from './resource-uri.ts';

/** How many facts the document has at most. */
const FACTS_MAX = 500;

export const userFactsResource = defineResource({
  name: 'user_facts',
  title: 'Facts about a user',
  description: 'What is known about one user now, as Markdown, by whom or what it is about.',
  path: 'user://{user_id}/facts',
  variables: { user_id: userId },
  mimeType: 'text/markdown',
  async read({ ids }, { caller, facts }) {
    const user_id = ids.user_id as string;
    const found = await facts.search(caller, user_id, { limit: FACTS_MAX });
    const bySubject = new Map<string, string[]>();
    for (const { subject, fact, valid_at } of found.facts) {
      const lines = bySubject.get(subject.name) ?? [];
      lines.push(
        `- ${inOneLine(fact)}${valid_at === undefined ? '' : ` (since ${valid_at.slice(0, 10)})`}`,
      );
      bySubject.set(subject.name, lines);
    }
    const sections = [...bySubject].map(
      ([name, lines]) => `## ${inOneLine(name)}\n\n${lines.join('\n')}\n`,
    );
    const none = sections.length === 0 ? ['Nothing is known yet.\n'] : [];
    const more =
      found.next_cursor === undefined
        ? []
        : [`The newest ${found.facts.length} are shown; there are more.\n`];
    return [`# Facts about ${inOneLine(user_id)}\n`, ...none, ...sections, ...more].join('\n');
  },
  complete: {
    user_id: (prefix, limit, { caller, users }) => users.complete(caller, prefix, limit),
  },
});

/** A text in one line: it must not begin a section of its own. */
const inOneLine = (text: string): string => text.replace(/\s+/gu, ' ').trim();
