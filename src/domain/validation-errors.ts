import type { z } from 'zod';
import { quoted } from './errors.ts';

/** The most problems that one answer lists. */
const MAX_ISSUES = 5;

/** What was called with arguments: a tool, a prompt, a method of the protocol, or a route. */
export interface Called {
  name: string;
  input: z.ZodObject;
}

/** Describes the problems of arguments to the caller, and how to correct them. */
export function describeValidationErrors(error: z.ZodError, called: Called): string {
  const { issues } = error;
  const listed = issues.slice(0, MAX_ISSUES).map((issue) => describeIssue(issue, called));
  const more = issues.length > MAX_ISSUES ? ` And ${issues.length - MAX_ISSUES} more.` : '';
  return `${listed.join(' ')}${more} Correct the arguments of ${called.name} and call it again.`;
}

function describeIssue(issue: z.core.$ZodIssue, called: Called): string {
  const where = issue.path.length === 0 ? 'The arguments' : issue.path.join('.');
  switch (issue.code) {
    case 'unrecognized_keys': {
      const unknown = issue.keys.slice(0, MAX_ISSUES).map((key) => quoted(key));
      const known = Object.keys(called.input.shape).join(', ');
      return issue.path.length === 0
        ? `There is no argument ${unknown.join(', ')}; the arguments are ${known}.`
        : `${where}: there is no ${unknown.join(', ')} in it.`;
    }
    case 'invalid_type':
      return issue.message.endsWith('received undefined')
        ? `${where}: is missing, and has to be of type ${issue.expected}.`
        : `${where}: ${issue.message.replace(/^Invalid input: /, '')}.`;
    case 'invalid_value':
      return `${where}: must be one of ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `${where}: must ${extent(issue.origin, 'at least', issue.minimum)}.`;
    case 'too_big':
      return `${where}: must ${extent(issue.origin, 'at most', issue.maximum)}.`;
    default:
      return `${where}: ${issue.message}.`;
  }
}

/** The units of the limits of texts and lists; limits of numbers have none. */
const UNITS: Readonly<Record<string, [one: string, more: string]>> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
};

function extent(origin: string, bound: string, limit: number | bigint): string {
  const [one, more] = UNITS[origin] ?? [];
  if (one === undefined) return `be ${bound} ${limit}`;
  return `have ${bound} ${limit} ${Number(limit) === 1 ? one : more}`;
}
