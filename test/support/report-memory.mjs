// Preloaded into a server by `node --import`: on SIGUSR2 it collects garbage and says on stderr, in
// one line of JSON, what is left.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

process.on('SIGUSR2', () => {
  collect();
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) {
    resources[kind] = (resources[kind] ?? 0) + 1;
  }
  process.stderr.write(
    `${JSON.stringify({ memory: { used: heapUsed + external, rss }, resources })}\n`,
  );
});
