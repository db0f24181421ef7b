import type { FieldProblem } from './records.ts';

/** How many of what was left out the report names. */
const LISTED_MAX = 100;

/** Records of one kind: those that were imported, and those that were here already. */
interface Tally {
  imported: number;
  present: number;
}

const KINDS = ['users', 'sessions', 'messages', 'summaries'] as const;
export type Kind = (typeof KINDS)[number];

/** What an import has done. Its lists are bounded; what they do not name is counted. */
export class Report {
  readonly tallies: Readonly<Record<Kind, Tally>> = {
    users: { imported: 0, present: 0 },
    sessions: { imported: 0, present: 0 },
    messages: { imported: 0, present: 0 },
    summaries: { imported: 0, present: 0 },
  };
  readonly #leftOut: string[] = [];
  readonly #notes: string[] = [];
  /** How many records or fields were left out, and how many of them the report does not name. */
  leftOutCount = 0;
  #unlisted = 0;
  #noteCount = 0;

  imported(kind: Kind, count = 1): void {
    this.tallies[kind].imported += count;
  }

  present(kind: Kind, count = 1): void {
    this.tallies[kind].present += count;
  }

  /**
   * Something of the old server is not here.
   *
   * @param count how many records that is
   */
  leftOut(what: string, why: string, count = 1): void {
    this.leftOutCount += count;
    if (this.#leftOut.length < LISTED_MAX) this.#leftOut.push(`${what}: ${why}`);
    else this.#unlisted += count;
  }

  /** A record that this store does not take. */
  refused(what: string, { field, problem }: FieldProblem): void {
    this.leftOut(what, `${field} ${problem}`);
  }

  /** Something that the person who imports should know, though nothing is missing. */
  note(text: string): void {
    this.#noteCount += 1;
    if (this.#notes.length < LISTED_MAX) this.#notes.push(text);
  }

  /** How many records of each kind the import has come to. */
  soFar(): string {
    return KINDS.slice(0, 3)
      .map((kind) => `${this.tallies[kind].imported + this.tallies[kind].present} ${kind}`)
      .join(', ');
  }

  /** All of the report. The last line is the summary. */
  text(): string {
    const counts = (which: keyof Tally) =>
      KINDS.map((kind) => `${this.tallies[kind][which]} ${kind}`).join(', ');
    return [
      ...section('Left out', this.#leftOut, this.#unlisted),
      ...section('Notes', this.#notes, this.#noteCount - this.#notes.length),
      `Imported ${counts('imported')}. Already here: ${counts('present')}. Left out: ${this.leftOutCount}.`,
    ]
      .map((line) => `${line}\n`)
      .join('');
  }
}

function section(title: string, lines: readonly string[], unlisted: number): string[] {
  if (lines.length === 0) return [];
  const more = unlisted > 0 ? [`  … and ${unlisted} more, which are not listed`] : [];
  return [`${title}:`, ...lines.map((line) => `  ${line}`), ...more];
}
