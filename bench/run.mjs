// Measures the product and writes bench/results.md. What the figures mean is in bench/README.md.
//
//   npm run bench [-- --only protocol,startup] [--against FOLDER] [--quick] [--check]
//
// --only   measures these sections; of the others, the earlier results stay
// --quick  takes a few minutes, to see that all of it runs: its figures mean little, and go
//          to bench/quick instead
// --against  compares the stores with those of another commit, checked out and built in FOLDER,
//          and measures nothing else unless --only names it
// --check  exits with 1 if a target is missed

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs, promisify } from 'node:util';
import { plot } from './plot.mjs';
import { consoleTable, resultsPage, verdict } from './report.mjs';
import { stopServers } from './servers.mjs';
import { findMongodb } from './support.mjs';

/**
 * In the order of the report. Each is a module `sections/<id>.mjs` that exports
 *
 *   title: string
 *   measure({ quick, log }): Promise<{ tables: Table[], targets: Target[] }>
 *
 * where `log` takes a line for whoever waits, and
 *
 *   Table = { id, title, note?, columns: string[], rows: (string | number)[][], plot?: Plot }
 *   Plot = { label: number[], value: number, unit: string, target?: number,
 *            kind: 'bars' | 'lines', series?: number, x?: number }
 *   Target = { what: string, figure: string, met: boolean }
 *
 * The numbers of a Plot are indexes of columns: `label` names a bar, `value` is its length or the
 * height of a point, `series` tells lines (or colours of bars) apart, `x` is where a point stands.
 */
const SECTIONS = [
  'protocol',
  'rest',
  'store',
  'round-trips',
  'growth',
  'peers',
  'startup',
  'commit',
];

const run = promisify(execFile);
const beside = (path) => new URL(path, import.meta.url);

/** What a reader has to know of the circumstances of one section's figures. */
async function circumstances() {
  const git = async (...args) =>
    (await run('git', args, { cwd: beside('.') }).catch(() => ({ stdout: '' }))).stdout.trim();
  const commit = (await git('rev-parse', '--short', 'HEAD')) || 'unknown';
  const changed = (await git('status', '--porcelain', '--', '../src', '*.mjs')) !== '';
  return {
    at: new Date().toISOString(),
    commit: changed ? `${commit} and changes` : commit,
    node: process.versions.node,
    cpu: `${cpus().length} cores, ${cpus()[0]?.model ?? 'of an unknown kind'}`,
    mongodb: (await findMongodb())?.version ?? 'none',
  };
}

async function measureSection(id, { quick, against }) {
  const { title, measure } = await import(beside(`sections/${id}.mjs`));
  console.log(`\n== ${title}`);
  const started = performance.now();
  const log = (line) => console.log(`   ${line}`);
  const { tables, targets } = await measure({ quick, log, against });
  const seconds = Math.round((performance.now() - started) / 1000);
  for (const table of tables) console.log(`\n${table.title}\n${consoleTable(table)}`);
  console.log('');
  for (const target of targets) console.log(verdict(target));
  console.log(`(${seconds} s)`);
  return { id, title, seconds, ...(await circumstances()), tables, targets };
}

/** Keeps one section's outcome, with its plots. */
async function keep(folder, section) {
  await writeFile(new URL(`${section.id}.json`, folder), `${JSON.stringify(section, null, 2)}\n`);
  for (const table of section.tables) {
    if (table.plot !== undefined) await writeFile(new URL(`${table.id}.svg`, folder), plot(table));
  }
}

/** The outcomes of all sections that were ever measured, in their order. */
async function kept(folder) {
  const read = async (id) => {
    const text = await readFile(new URL(`${id}.json`, folder), 'utf8').catch(() => undefined);
    return text === undefined ? [] : [JSON.parse(text)];
  };
  return (await Promise.all(SECTIONS.map(read))).flat();
}

async function main() {
  // Ends what was started, too.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      against: { type: 'string' },
      quick: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  });
  const named = values.only?.split(',') ?? [];
  const { against } = values;
  const usual = against === undefined ? SECTIONS.filter((id) => id !== 'commit') : [];
  const chosen = [...(values.only === undefined ? usual : named), ...(against ? ['commit'] : [])];
  const unknown = chosen.filter((id) => !SECTIONS.includes(id));
  if (unknown.length > 0) {
    throw new Error(`--only ${unknown.join(',')}: the sections are ${SECTIONS.join(', ')}.`);
  }
  const name = values.quick ? 'quick/results' : 'results';
  const folder = beside(`${name}/`);
  await mkdir(folder, { recursive: true });

  let missed = false;
  for (const id of SECTIONS.filter((section) => chosen.includes(section))) {
    try {
      const section = await measureSection(id, values);
      await keep(folder, section);
      missed ||= section.targets.some(({ met }) => !met);
    } catch (error) {
      console.error(`bench: ${id}:`, error);
      process.exitCode = 1;
    } finally {
      await stopServers();
    }
  }
  await writeFile(beside(`${name}.md`), resultsPage(await kept(folder)));
  console.log(`\nWritten to bench/${name}.md.`);
  if (missed && values.check) process.exitCode = 1;
}

await main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});
