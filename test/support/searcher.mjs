// Searches without a break, in a process of its own: node searcher.mjs URL TOKEN SEARCHES. Each line on
// stdin is the arguments of a search; the searches under way take turns with them. Says "searching" on
// stdout once it is at it, and goes on until it is killed.
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';

const [, , url, token, searches] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: Number(searches) });
const headers = {
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

function search(args) {
  const params = { name: 'search_memory', arguments: args };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  return new Promise((resolve) => {
    const outgoing = request(`${url}/mcp`, { method: 'POST', agent, headers });
    outgoing.on('error', resolve);
    outgoing.on('response', (response) => {
      response.on('end', resolve).on('error', resolve).resume();
    });
    outgoing.end(body);
  });
}

const kinds = [];
for await (const line of createInterface({ input: process.stdin })) kinds.push(JSON.parse(line));

async function goOn(turn) {
  for (let i = turn; ; i++) await search(kinds[i % kinds.length]);
}
for (let i = 0; i < Number(searches); i++) void goOn(i);
process.stdout.write('searching\n');
