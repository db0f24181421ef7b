import { SourceError } from '../import/error.ts';
import { CONCURRENCY, importAll } from '../import/index.ts';
import { connect } from '../import/old-server.ts';
import { openTarget } from '../import/open-target.ts';
import { createProgress } from '../import/progress.ts';
import { Report } from '../import/report.ts';
import { storeName } from '../open-store.ts';
import type { Invocation } from './command.ts';
import { configure } from './configured.ts';

const GOES_ON =
  'Nothing that was imported is lost: run the command again, and it goes on from there.';

/**
 * The command `import zep`: copies the users, sessions and messages of a running Zep server into the
 * configured store. Run again, it goes on where it stopped.
 *
 * @throws ConfigError when a setting is wrong; SourceError when the old server cannot be read; what the store
 *   throws; Error when something was left out, or the command was stopped
 */
export async function runImport(invocation: Invocation): Promise<void> {
  const { stdout, stderr } = invocation;
  const { config, logger } = await configure(invocation);
  const { importUrl: url = '', importApiKey: apiKey, importApi, embeddingsUrl } = config;
  const stopping = new AbortController();
  const { signal } = stopping;
  void invocation.stopSignal().then((name) => {
    stopping.abort(new Error(`The import was stopped (${name}). ${GOES_ON}`));
  });
  const onRetry = (wait: number, { problem, status }: SourceError) =>
    logger.warn('the old server is asked again', { wait: Math.round(wait), problem, status });
  // First: as long as nothing can be read, no store is touched.
  const source = await connect(
    { url, apiKey, connections: CONCURRENCY, signal, onRetry },
    importApi,
  );
  stderr.write(`Importing from ${url}, API ${source.api}, into ${storeName(config)}\n`);
  const report = new Report();
  const write = (line: string) => void stderr.write(line);
  const onStep = createProgress(report, write, stderr.isTTY === true, Date.now);
  const { target, ping, close } = openTarget(config, logger, signal);
  try {
    await ping();
    await importAll({ source, target, report, onStep }, signal);
  } catch (error) {
    throw error instanceof SourceError ? new Error(`${error.message} ${GOES_ON}`) : error;
  } finally {
    source.close();
    await close();
    stdout.write(report.text());
  }
  if (embeddingsUrl !== undefined && report.tallies.messages.imported > 0) {
    stderr.write('To search the new messages by meaning, run mcp-sessions embed.\n');
  }
  if (report.leftOutCount > 0) {
    throw new Error(
      'Something was left out: the list says what, and why. Once that is mended, run the command again.',
    );
  }
}
