// What getting a session costs over the REST API, compared with the same call over modern MCP HTTP.

import { drive, httpClient, restClient } from '../clients.mjs';
import { OURS, serverEnv, spawnHttpServer } from '../servers.mjs';
import { withStores } from '../stores.mjs';
import { CALLS, compareCalls, prepare, warmUp } from './protocol.mjs';

export const title = 'REST';

/** The most that a REST call may cost of an MCP call. */
const COST_TARGET = 1.1;

const FULL = { callerCounts: [1, 16], batches: 8, batchMs: 400, warmUpCalls: 4000 };
const QUICK = { callerCounts: [16], batches: 3, batchMs: 100, warmUpCalls: 100 };

async function measureStore({ folder, place }, effort) {
  const server = await spawnHttpServer(folder, OURS, ['--http', '--port', '0'], serverEnv(place));
  const mcp = await httpClient(server, 'modern');
  const rest = restClient(server);
  const overMcp = (number) => mcp.call('get_session', CALLS.get_session(number));
  const overRest = (number) => rest.get(`/api/v2/sessions/${CALLS.get_session(number).session_id}`);
  await warmUp({ client: mcp }, effort);
  await drive(() => overRest(0), 16, effort.batchMs);
  const rows = [];
  for (const callers of effort.callerCounts) {
    const { a, b, ratio } = await compareCalls(overMcp, overRest, callers, effort);
    rows.push([callers, a, b, 1 / ratio]);
  }
  mcp.close();
  rest.close();
  await server.stop();
  return rows;
}

export async function measure({ quick, log }) {
  const effort = quick ? QUICK : FULL;
  const tables = [];
  const targets = [];
  await withStores(log, async (store) => {
    await prepare(store);
    const rows = await measureStore(store, effort);
    tables.push({
      id: `rest-${store.name.toLowerCase()}`,
      title: `Getting a session, ${store.name === 'embedded' ? 'embedded store' : store.name}`,
      columns: ['callers', 'MCP, calls/s', 'REST, calls/s', 'cost of REST ÷ MCP'],
      rows,
    });
    for (const [callers, , , cost] of rows) {
      log(`${store.name}: REST, ${callers} callers: ${cost.toFixed(2)} of the cost of MCP`);
      targets.push({
        what: `get a session over REST, ${store.name}, ${callers} callers: at most ${COST_TARGET} of the cost over modern MCP HTTP`,
        figure: cost.toFixed(2),
        met: cost <= COST_TARGET,
      });
    }
  });
  return { tables, targets };
}
