// Prints how much longer the analysis of texts that are worst for it takes than that of as many bytes of
// English. A ratio that is far above the others is a step that grows faster than its text.
//
//   npm run build && node bench/worst-texts.mjs

import { readFile } from 'node:fs/promises';
import { analyseMessage } from '../dist/search/analyzer.js';

const BYTES = 15_000;
const TIMES = 20;

const WORST = JSON.parse(
  await readFile(new URL('../test/search/worst-texts.json', import.meta.url), 'utf8'),
);

const english = Array.from(
  { length: BYTES / 8 },
  (_, i) => `w${(i * 7919).toString(36).padStart(6, 'o')}`,
).join(' ');

const filled = (piece) => piece.repeat(Math.max(1, Math.floor(BYTES / Buffer.byteLength(piece))));

/** The best of several times, in milliseconds: that of the work, whatever else the machine does. */
function bestMs(content) {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TIMES; i++) {
    const begun = performance.now();
    for (const _ of { [Symbol.iterator]: () => analyseMessage({ role: 'user', content }) });
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

const usual = bestMs(english);
const ratios = Object.entries(WORST)
  .map(([kind, piece]) => ({ kind, ratio: bestMs(filled(piece)) / usual }))
  .sort((a, b) => b.ratio - a.ratio);
for (const { kind, ratio } of ratios) console.log(ratio.toFixed(1).padStart(6), kind);
