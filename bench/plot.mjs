// Draws a table as an SVG that reads on light and on dark pages.

import { shown } from './report.mjs';

const WIDTH = 760;
const CHARACTER = 6.6;
const ROW = 22;
const TOP = 44;
const BOTTOM = 46;
const LINES_HEIGHT = 260;

const STYLE = `<style>
  text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 13px; }
  .faint { fill: #57606a; }
  .page { fill: #ffffff; }
  .grid { stroke: #d0d7de; }
  .target { stroke: #cf222e; stroke-dasharray: 4 3; }
  .target-text { fill: #cf222e; }
  .line { fill: none; stroke-width: 2; }
  .s0 { fill: #0969da; } .s1 { fill: #bc4c00; } .s2 { fill: #1a7f37; }
  .s3 { fill: #8250df; } .s4 { fill: #bf3989; } .s5 { fill: #6e7781; }
  .l0 { stroke: #0969da; } .l1 { stroke: #bc4c00; } .l2 { stroke: #1a7f37; }
  .l3 { stroke: #8250df; } .l4 { stroke: #bf3989; } .l5 { stroke: #6e7781; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .faint { fill: #9198a1; } .page { fill: #0d1117; } .grid { stroke: #3d444d; }
    .target { stroke: #ff7b72; } .target-text { fill: #ff7b72; }
    .s0 { fill: #58a6ff; } .s1 { fill: #f0883e; } .s2 { fill: #56d364; }
    .s3 { fill: #bc8cff; } .s4 { fill: #f778ba; } .s5 { fill: #9198a1; }
    .l0 { stroke: #58a6ff; } .l1 { stroke: #f0883e; } .l2 { stroke: #56d364; }
    .l3 { stroke: #bc8cff; } .l4 { stroke: #f778ba; } .l5 { stroke: #9198a1; }
  }
</style>`;
const COLOURS = 6;

/** Of values this many times apart, a straight scale would show the larger ones only. */
const LOGARITHMIC_FROM = 50;

const escaped = (text) =>
  String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const text = (x, y, content, { anchor = 'start', kind } = {}) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${kind === undefined ? '' : ` class="${kind}"`}>${escaped(content)}</text>`;

const line = (kind, x1, y1, x2, y2) =>
  `<line class="${kind}" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}"/>`;

/** The step between round numbers of which `span` has about `count`. */
function roundStep(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return power * ([1, 2, 5].find((factor) => power * factor * count >= span) ?? 10);
}

/**
 * Maps values to 0…1, with the ticks to show: from nought, unless they are so far apart that only
 * a logarithmic scale shows all of them.
 */
function scaleOf(values) {
  const largest = Math.max(...values);
  const positive = values.filter((value) => value > 0);
  const smallest = Math.min(...positive);
  if (positive.length === 0) return { at: () => 0, ticks: [0], logarithmic: false };
  if (values.includes(0) || largest / smallest < LOGARITHMIC_FROM) {
    const step = roundStep(largest, 5);
    const end = Math.ceil((largest / step) * 0.999) * step;
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
    return { at: (value) => value / end, ticks, logarithmic: false };
  }
  const from = Math.floor(Math.log10(smallest) + 1e-9);
  const to = Math.ceil(Math.log10(largest) - 1e-9);
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const at = (value) => (value > 0 ? (Math.log10(value) - from) / (to - from) : 0);
  return { at, ticks, logarithmic: true };
}

const tickText = (value) => (value < 0.1 && value > 0 ? value.toPrecision(1) : shown(value));

const unitText = ({ unit, target }, { logarithmic }) =>
  `${unit}${logarithmic ? ', logarithmic' : ''}${target === undefined ? '' : `; dashed: the target, ${tickText(target)}`}`;

function page(table, height, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(table.title)}">
${STYLE}
<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
${text(12, 22, table.title, { kind: 'title' })}
${parts.join('\n')}
</svg>
`;
}

/** The colour of a row: one for all, or one for each series in the order in which they come. */
function colourOf(rows, series) {
  const names = [...new Set(rows.map((row) => row[series]))];
  return (row) => names.indexOf(row[series]) % COLOURS;
}

function bars(table) {
  const { plot: wanted } = table;
  const rows = table.rows.filter((row) => typeof row[wanted.value] === 'number');
  const labels = rows.map((row) => wanted.label.map((column) => shown(row[column])).join(' · '));
  const left = 24 + Math.max(...labels.map((label) => label.length), 0) * CHARACTER;
  const right = WIDTH - 70;
  const bottom = TOP + rows.length * ROW;
  const values = rows.map((row) => row[wanted.value]);
  const scale = scaleOf(wanted.target === undefined ? values : [...values, wanted.target]);
  const x = (value) => left + scale.at(value) * (right - left);
  const colour = colourOf(rows, wanted.series);
  const parts = scale.ticks.flatMap((tick) => [
    line('grid', x(tick), TOP - 4, x(tick), bottom),
    text(x(tick), bottom + 16, tickText(tick), { anchor: 'middle', kind: 'faint' }),
  ]);
  rows.forEach((row, i) => {
    const y = TOP + i * ROW;
    const length = Math.max(1, x(values[i]) - left);
    parts.push(
      text(left - 8, y + 14, labels[i], { anchor: 'end' }),
      `<rect class="s${colour(row)}" x="${left.toFixed(1)}" y="${y + 3}" width="${length.toFixed(1)}" height="${ROW - 7}" rx="2"/>`,
      text(left + length + 6, y + 14, shown(values[i])),
    );
  });
  if (wanted.target !== undefined) {
    parts.push(line('target', x(wanted.target), TOP - 6, x(wanted.target), bottom));
  }
  parts.push(text(left, bottom + 36, unitText(wanted, scale), { kind: 'faint' }));
  return page(table, bottom + BOTTOM, parts);
}

function lines(table) {
  const { plot: wanted } = table;
  const rows = table.rows.filter(
    (row) => typeof row[wanted.value] === 'number' && typeof row[wanted.x] === 'number',
  );
  const nameOf = (row) => (wanted.series === undefined ? '' : shown(row[wanted.series]));
  const names = [...new Set(rows.map(nameOf))];
  const left = 70;
  const right = WIDTH - 30 - Math.max(...names.map((name) => name.length), 0) * CHARACTER;
  const bottom = TOP + LINES_HEIGHT;
  const values = rows.map((row) => row[wanted.value]);
  const across = scaleOf(rows.map((row) => row[wanted.x]));
  const up = scaleOf(wanted.target === undefined ? values : [...values, wanted.target]);
  const x = (value) => left + across.at(value) * (right - left);
  const y = (value) => bottom - up.at(value) * LINES_HEIGHT;
  const parts = [
    ...up.ticks.flatMap((tick) => [
      line('grid', left, y(tick), right, y(tick)),
      text(left - 8, y(tick) + 4, tickText(tick), { anchor: 'end', kind: 'faint' }),
    ]),
    ...across.ticks.map((tick) =>
      text(x(tick), bottom + 16, tickText(tick), { anchor: 'middle', kind: 'faint' }),
    ),
  ];
  // Names stand where their lines end, and make room for one another.
  let lowest = -Infinity;
  const ends = names
    .map((name, colour) => {
      const points = rows.filter((row) => nameOf(row) === name);
      return { name, colour: colour % COLOURS, points, end: y(points.at(-1)[wanted.value]) };
    })
    .sort((a, b) => a.end - b.end);
  for (const { name, colour, points, end } of ends) {
    const path = points.map(
      (row) => `${x(row[wanted.x]).toFixed(1)},${y(row[wanted.value]).toFixed(1)}`,
    );
    parts.push(`<polyline class="line l${colour}" points="${path.join(' ')}"/>`);
    for (const point of path) {
      const [cx, cy] = point.split(',');
      parts.push(`<circle class="s${colour}" cx="${cx}" cy="${cy}" r="3"/>`);
    }
    lowest = Math.max(end + 4, lowest + 14);
    parts.push(text(right + 8, lowest, name, { kind: `s${colour}` }));
  }
  if (wanted.target !== undefined) {
    parts.push(line('target', left, y(wanted.target), right, y(wanted.target)));
  }
  const says = `${unitText(wanted, up)}; across: ${table.columns[wanted.x]}${across.logarithmic ? ', logarithmic' : ''}`;
  parts.push(text(left, bottom + 36, says, { kind: 'faint' }));
  return page(table, bottom + BOTTOM, parts);
}

/**
 * @param table one with a `plot`; see bench/run.mjs
 * @returns the text of an SVG file
 */
export function plot(table) {
  return table.plot.kind === 'bars' ? bars(table) : lines(table);
}
