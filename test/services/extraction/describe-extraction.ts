import { afterEach, beforeEach } from 'vitest';
import { createChatModel } from '../../../src/search/model-api/chat.ts';
import type { Limits } from '../../../src/services/extraction/budget.ts';
import type { ExtractionEvents } from '../../../src/services/extraction/events.ts';
import { Extractor, type ExtractorOptions } from '../../../src/services/extraction/worker.ts';
import type { StoredFact } from '../../../src/services/facts/statements.ts';
import { type ChatServer, sentencesOf, startChatServer } from '../../support/chat-server.ts';
import { describeServices, type ServicesUnderTest } from '../describe-services.ts';

export interface ExtractionUnderTest extends ServicesUnderTest {
  /** Speaks the protocol of the model. */
  server: ChatServer;
  /** What was told of the work, in order. */
  told: string[];
  /** Says something in a session of Ada's, or of another user's. */
  say(session_id: string, texts: string[], user_id?: string): Promise<string[]>;
  /** Another process that extracts from the same store. */
  extractor(options?: Partial<ExtractorOptions>): Extractor;
  /** Works until there is nothing to do. */
  drain(extractor?: Extractor): Promise<void>;
  /** What is known of a user, ended facts included. */
  known(user_id?: string): Promise<StoredFact[]>;
}

const LIMITS: Limits = { callsPerMinute: 1000, tokensPerDay: 1_000_000 };

/** Runs a suite on an extractor with each kind of store, and a server that speaks the protocol of a model. */
export function describeExtraction(title: string, suite: (at: ExtractionUnderTest) => void): void {
  describeServices(title, (services) => {
    const at = services as ExtractionUnderTest;
    let number = 0;
    let usual: Extractor;

    beforeEach(async () => {
      at.server = await startChatServer();
      at.told = [];
      at.extractor = (options = {}) =>
        new Extractor({
          ...{ deps: at.deps, limits: LIMITS, waitMs: 0, retryDelayMs: 1 },
          model: createChatModel({ url: at.server.url, model: 'test-model', timeout: 1000 }),
          ...{ holder: `holder ${number++}`, events: toldTo(at.told), ...options },
        });
      usual = at.extractor();
      at.say = async (session_id, texts, user_id = 'ada') => {
        const user = await at.store.users.find(at.caller.namespace, user_id);
        if (user === undefined) await at.users.add(at.caller, { user_id });
        at.clock.now += 1000;
        const messages = texts.map((content) => ({ role: 'user', content }));
        const added = await at.memory.add(at.caller, session_id, messages, user_id);
        return added.messages.map(({ uuid }) => uuid);
      };
      at.drain = async (extractor = usual) => {
        await extractor.lead(new AbortController().signal, async (round) => {
          while (await round());
        });
      };
      at.known = async (user_id = 'ada') => {
        const query = { include_ended: true, limit: 100 };
        return (await at.facts.search(at.caller, user_id, query)).facts;
      };
    });
    afterEach(async () => {
      // The next test has another namespace in the same database.
      Object.assign(at.server, { behaviour: 'answer', takesSchemas: true, key: undefined });
      Object.assign(at.server, { decide: () => undefined, answer: sentencesOf });
      at.clock.now += 86_400_000;
      await at.drain(at.extractor());
      await at.server.close();
    });

    suite(at);
  });
}

const toldTo = (told: string[]): ExtractionEvents => ({
  call: (outcome) => told.push(`call ${outcome}`),
  tokens: (count) => told.push(`tokens ${count}`),
  wrong: (problem) => told.push(`wrong ${problem}`),
  batch: ({ messages, facts, dropped }) =>
    told.push(`batch of ${messages}: ${facts} facts${dropped === undefined ? '' : `, ${dropped}`}`),
  leads: () => {},
  blocked: (error) => told.push(`blocked: ${error instanceof Error ? error.name : error}`),
});
