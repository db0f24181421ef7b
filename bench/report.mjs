// Writes what was measured: as tables of the console, and as bench/results.md.

/** A number with three digits that mean something; text as it is. */
export function shown(cell) {
  if (typeof cell !== 'number') return cell;
  if (Number.isInteger(cell) || Math.abs(cell) >= 1000) {
    return Math.round(cell).toLocaleString('en');
  }
  const digits = Math.abs(cell) >= 100 ? 0 : Math.abs(cell) >= 10 ? 1 : 2;
  return cell === 0 || Math.abs(cell) >= 0.1 ? cell.toFixed(digits) : cell.toPrecision(2);
}

/** Numbers stand at the right of their column. */
const isNumeric = (rows, column) => rows.some((row) => typeof row[column] === 'number');

/** @returns lines with columns of even width */
export function consoleTable({ columns, rows }) {
  const lines = [columns, ...rows.map((row) => row.map(shown))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const pad = (cell, i) => (isNumeric(rows, i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
  return lines.map((line) => `  ${line.map(pad).join('   ')}`.trimEnd()).join('\n');
}

/** @returns a line that says whether a target is met */
export const verdict = ({ what, figure, met }) =>
  `${met ? 'met   ' : 'MISSED'}  ${what}: ${figure}`;

const escaped = (text) => text.replaceAll('|', '\\|');

function markdownTable({ columns, rows }) {
  const line = (cells) => `| ${cells.map((cell) => escaped(shown(cell))).join(' | ')} |`;
  const rule = columns.map((_, i) => (isNumeric(rows, i) ? '--:' : '---'));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}

function markdownSection({ title, seconds, at, commit, node, cpu, mongodb, tables, targets }) {
  const parts = [
    `## ${title}`,
    `Measured ${at.slice(0, 16).replace('T', ' ')} UTC in ${seconds} s, at commit ${commit}, on Node ${node}, ${cpu}. MongoDB server: ${mongodb}.`,
  ];
  for (const table of tables) {
    parts.push(`### ${table.title}`);
    if (table.note !== undefined) parts.push(table.note);
    if (table.plot !== undefined) parts.push(`![${table.title}](results/${table.id}.svg)`);
    parts.push(markdownTable(table));
  }
  if (targets.length > 0) {
    const rows = targets.map(({ what, figure, met }) => [what, figure, met ? 'met' : 'MISSED']);
    parts.push('### Targets', markdownTable({ columns: ['target', 'measured', ''], rows }));
  }
  return parts.join('\n\n');
}

/** @returns bench/results.md: what is measured of each section, and whether its targets are met */
export function resultsPage(sections) {
  const all = sections.flatMap(({ targets }) => targets);
  const met = all.filter((target) => target.met).length;
  const intro = `# Measured speed

Written by \`npm run bench\`; [README.md](README.md) says what each figure means. ${met} of ${all.length} targets are met.`;
  return `${[intro, ...sections.map(markdownSection)].join('\n\n')}\n`;
}
