// Bundles the program with the libraries that each start loads: 420 files become a few, and a start
// takes half the time. The modules that tsc has written stay beside it: tests, benches and scripts import them.
//
//   tsc -p tsconfig.build.json && node scripts/bundle.mjs
//
// Replaces the dist/main.js of tsc, so each run needs one of tsc before it. The chunks are in dist/bundle/, with
// the licences of the bundled libraries in LICENSES.txt.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

/** Packages that stay outside: native code, and what only some settings need. */
const EXTERNAL = /^(@opentelemetry\/api|@photostructure\/sqlite|mongodb)$/;

await rm(join(DIST, 'bundle'), { recursive: true, force: true });
const build = await rolldown({
  input: {
    main: join(DIST, 'main.js'),
    // A worker thread, which reader-pool.ts starts from the file beside it.
    reader: join(DIST, 'store/sqlite/readers/reader.js'),
  },
  external: EXTERNAL,
  platform: 'node',
});
const { output } = await build.write({
  dir: DIST,
  format: 'esm',
  entryFileNames: ({ name }) => (name === 'main' ? 'main.js' : 'bundle/[name].js'),
  chunkFileNames: 'bundle/[name].js',
});
await build.close();

/** The folders of the packages that the bundle has code of. */
const packages = new Set(
  output.flatMap(({ moduleIds = [] }) =>
    moduleIds.flatMap(
      (id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/'))?.[0] ?? [],
    ),
  ),
);
if (packages.size === 0) throw new Error('the bundle has no libraries');
const notices = [];
for (const folder of [...packages].sort()) {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  notices.push([`${name} ${version} (${license})`, ...texts].join('\n\n'));
}
await writeFile(join(DIST, 'bundle', 'LICENSES.txt'), notices.join('\n\n---\n\n'));
