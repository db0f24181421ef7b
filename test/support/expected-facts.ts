import { expect } from 'vitest';
import { nameKey } from '../../src/services/facts/entity-names.ts';
import { type Caller, GaveUp } from './callers.ts';

/** A fact as a caller states it. */
export interface StatedFact {
  subject: string;
  predicate: string;
  object: string;
  /** Each sentence belongs to one fact. */
  fact: string;
  supersedes?: string[];
}

/** What is known of a fact by the acknowledged calls. */
interface Expected {
  /** `undefined` while it is unknown whether the last call about it took effect. */
  there: boolean | undefined;
  uuid?: string;
  /** Another one took its place. */
  ended?: true;
  /** The uuids of the messages that say it. */
  sources: ReadonlySet<string>;
}

/** An entity and a fact as REST lists them. */
interface Node {
  uuid: string;
  name: string;
}
interface Edge {
  uuid: string;
  fact: string;
  source_node_uuid: string;
  target_node_uuid: string;
  expired_at?: string;
  episodes: string[];
}

/** What a store has to know about a user by the calls of all callers, some of which were cut off. */
export class ExpectedFacts {
  readonly #user_id: string;
  readonly #facts = new Map<string, Expected>();
  /** The sentences of calls that were given up: all of one are there, or none. */
  readonly #givenUp: string[][] = [];

  constructor(user_id: string) {
    this.#user_id = user_id;
  }

  /**
   * States facts.
   *
   * @param source the messages that say them
   * @returns their uuids, or `undefined` if it is unknown whether they are there
   */
  async state(
    caller: Caller,
    facts: readonly StatedFact[],
    source?: { session_id: string; uuids: string[] },
  ): Promise<string[] | undefined> {
    const news = facts.map(({ fact }) => fact).filter((fact) => !this.#facts.has(fact));
    for (const fact of news) this.#facts.set(fact, { there: undefined, sources: new Set() });
    try {
      const args = { user_id: this.#user_id, facts, source };
      const { answer } = await caller.call('add_facts', args);
      const uuids = answer.content.facts.map(({ uuid }: { uuid: string }) => uuid);
      for (const [i, { fact, supersedes = [] }] of facts.entries()) {
        const { uuid = uuids[i], ...known } = this.#facts.get(fact) as Expected;
        expect([fact, uuids[i]], 'another uuid').toEqual([fact, uuid]);
        const sources = new Set([...known.sources, ...(source?.uuids ?? [])]);
        this.#facts.set(fact, { ...known, uuid, there: true, sources });
        for (const ended of supersedes) this.#end(ended);
      }
      return uuids;
    } catch (error) {
      if (!(error instanceof GaveUp)) throw error;
      this.#givenUp.push(news);
      return undefined;
    }
  }

  /** Deletes a fact, or brings it back. Nobody else does that with it. */
  async change(caller: Caller, tool: 'delete_facts' | 'restore_facts', sentence: string) {
    const fact = this.#facts.get(sentence) as Expected;
    fact.there = undefined;
    try {
      await caller.call(tool, { user_id: this.#user_id, uuids: [fact.uuid] });
      fact.there = tool === 'restore_facts';
    } catch (error) {
      if (!(error instanceof GaveUp)) throw error;
    }
  }

  #end(uuid: string): void {
    for (const fact of this.#facts.values()) if (fact.uuid === uuid) fact.ended = true;
  }

  /** Compares all that a store has about the user with the calls. */
  compare(nodes: readonly Node[], edges: readonly Edge[]): void {
    expect(
      repeated(nodes.map(({ name }) => nameKey(name))),
      'entities that are there twice',
    ).toEqual([]);
    const sentences = edges.map(({ fact }) => fact);
    expect(repeated(sentences), 'facts that are there twice').toEqual([]);
    expect(repeated([...nodes, ...edges].map(({ uuid }) => uuid)), 'uuids').toEqual([]);
    const uuids = new Set(nodes.map(({ uuid }) => uuid));
    const loose = edges.filter(
      ({ source_node_uuid, target_node_uuid }) =>
        !uuids.has(source_node_uuid) || !uuids.has(target_node_uuid),
    );
    expect(loose, 'facts without their entities').toEqual([]);
    const unknown = sentences.filter((fact) => !this.#facts.has(fact));
    expect(unknown, 'nobody said that').toEqual([]);
    const bySentence = new Map(edges.map((edge) => [edge.fact, edge]));
    for (const [fact, { there, uuid, ended, sources }] of this.#facts) {
      const edge = bySentence.get(fact);
      if (there !== undefined) {
        expect([fact, edge?.uuid], 'lost, or back').toEqual([fact, there ? uuid : undefined]);
      }
      const missing = [...sources].filter((one) => edge?.episodes.includes(one) === false);
      expect([fact, missing], 'lost sources').toEqual([fact, []]);
      if (edge !== undefined && ended) {
        expect([fact, edge.expired_at], 'not ended').toEqual([fact, expect.any(String)]);
      }
    }
    for (const call of this.#givenUp) {
      const found = call.filter((fact) => bySentence.has(fact) || this.#facts.get(fact)?.there);
      expect([[], call], 'half a call').toContainEqual(found);
    }
  }
}

/** The values that are there more than once. */
const repeated = (values: readonly string[]): string[] =>
  values.filter((value, i) => values.indexOf(value) !== i);
