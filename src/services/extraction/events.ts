import type { ChatModel } from '../../search/model-api/chat.ts';
import { EndpointError } from '../../search/model-api/error.ts';
import type { BatchProblem, BatchResult } from './extract.ts';

/** What is told of the work, without contents. */
export interface ExtractionEvents {
  /** A call of the model: `ok` or the endpoint's problem. */
  call(outcome: string, seconds: number): void;
  /** Those of a call that was answered. */
  tokens(count: number): void;
  /** An answer that cannot be used, or none. */
  wrong(problem: BatchProblem): void;
  batch(result: BatchResult & { messages: number }): void;
  /** This process begins or ends to be the one that extracts. */
  leads(isLeading: boolean): void;
  /** Extraction does not go on for now. Told once for each reason. */
  blocked(error: unknown): void;
}

/** The same model; each call is told of. */
export const observedModel = (model: ChatModel, events: ExtractionEvents): ChatModel => ({
  model: model.model,
  async complete(...args) {
    const begun = performance.now();
    let outcome = 'cancelled';
    try {
      const answer = await model.complete(...args);
      outcome = 'ok';
      events.tokens(answer.tokens);
      return answer;
    } catch (error) {
      if (error instanceof EndpointError) outcome = error.problem;
      throw error;
    } finally {
      events.call(outcome, (performance.now() - begun) / 1000);
    }
  },
});
