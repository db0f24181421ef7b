import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, GraphAction } from '../../config/index.ts';
import { counted, DomainError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/logger.ts';
import { TOOL_ANSWER } from '../../mcp/answer/answer-shape.ts';
import type { Dependencies } from '../../services/dependencies.ts';
import { LEASE_MS } from '../../services/extraction/lease.ts';
import { rebuildFacts } from '../../services/extraction/rebuild.ts';
import { extractionStatus } from '../../services/extraction/status.ts';
import { processDependencies } from '../dependencies.ts';
import { startEmbedding } from '../embedding.ts';
import { openExtractor } from '../extraction.ts';
import { lazyStore, storeName } from '../open-store.ts';
import { commandUse } from '../store-use.ts';
import type { Invocation } from './command.ts';
import { configure } from './configured.ts';

/** How long embeddings of new facts may take at the end, in milliseconds. */
const GRACE_MS = 10_000;

type Report = (text: string) => void;

/**
 * The command `graph`: shows the state of the extraction of facts, extracts what is left, or has the facts of a
 * user extracted anew.
 *
 * @throws ConfigError when a setting is wrong; DomainError; EndpointError when the model cannot be asked; Error
 *   when the command was stopped
 */
export async function runGraph(invocation: Invocation): Promise<void> {
  const { config, logger } = await configure(invocation);
  const { graph = { action: 'status' } } = config;
  const report: Report = (text) => void invocation.stdout.write(text);
  report(`In ${storeName(config)}:\n`);
  const use = commandUse(config, graph.action === 'status');
  const store = lazyStore(config, logger, use);
  const embeddings =
    graph.action === 'run' ? await startEmbedding(config, store.get, logger) : undefined;
  const deps = processDependencies(store, use, {
    ...{ embeddings, onChange: () => {}, answer: TOOL_ANSWER },
  });
  try {
    await act(graph, { config, logger, deps, invocation, report });
  } finally {
    await embeddings?.close(GRACE_MS);
    await store.close();
  }
}

interface Situation {
  config: Config;
  logger: Logger;
  deps: Dependencies;
  invocation: Invocation;
  report: Report;
}

async function act(graph: GraphAction, situation: Situation): Promise<void> {
  const { config, deps, report } = situation;
  if (graph.action === 'run') return run(situation);
  if (graph.action === 'status') return report(await statusText(deps, config));
  const sessions = await rebuildFacts(deps, config.namespace, graph.user_id);
  report(
    `${counted(sessions, 'session')} of that user will be read again: at once by "mcp-sessions graph run", or within ten minutes by a server. Facts that are known stay.\n`,
  );
}

async function statusText(deps: Dependencies, config: Config): Promise<string> {
  const status = await extractionStatus(await deps.store(), deps.now());
  const { usage, backlog, leader, looked_at, isCut } = status;
  const { day, calls, tokens, batches, facts, wrong, dropped } = usage;
  return `${leader === undefined ? 'No process extracts facts at the moment.' : `The process ${leader} extracts facts.`}
Backlog: ${counted(backlog.messages, 'message')} in ${counted(backlog.sessions, 'session')}${isCut ? `, of the ${looked_at} used last` : ''}.
Today (${day}, UTC): ${counted(calls, 'call')}, ${counted(tokens, 'token')} of ${config.graphLlmTokensPerDay}, ${counted(batches, 'batch', 'batches')} with ${counted(facts, 'new fact')}; ${counted(wrong, 'answer')} could not be used, ${counted(dropped, 'batch', 'batches')} given up.
`;
}

async function run({ config, logger, deps, invocation, report }: Situation): Promise<void> {
  const extractor = await openExtractor({ ...config, graphLlmWait: 0 }, deps, logger);
  const stopping = new AbortController();
  void invocation.stopSignal().then((name) => {
    stopping.abort(
      new Error(`The command was stopped (${name}). Run again, it goes on from there.`),
    );
  });
  const { signal } = stopping;
  const work = async (round: () => Promise<boolean>) => {
    while (await round());
  };
  // A process that was killed keeps the lease for as long as this.
  const until = performance.now() + LEASE_MS + 5000;
  while (!(await extractor?.lead(signal, work))) {
    signal.throwIfAborted();
    if (performance.now() > until) {
      throw new DomainError(
        'UNAVAILABLE',
        'A server with this store extracts facts already: leave the backlog to it, or stop it and run the command again.',
      );
    }
    await sleep(500, undefined, { signal }).catch(() => {});
  }
  report(`Done.\n${await statusText(deps, config)}`);
}
