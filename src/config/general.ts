import { z } from 'zod';
import { LOG_LEVELS } from '../domain/logger.ts';
import { DEFAULT_TOOLSETS, TOOLSETS } from '../domain/toolsets.ts';
import type { Setting } from './setting.ts';
import { list, toggle } from './values.ts';

const TOOLSETS_FORM = `a comma-separated list of ${TOOLSETS.join(', ')}`;

/** What the server offers, and what it logs. */
export const GENERAL_SETTINGS = {
  toolsets: {
    flag: 'toolsets',
    takes: 'LIST',
    schema: list
      .pipe(z.array(z.enum(TOOLSETS, TOOLSETS_FORM)))
      .prefault(DEFAULT_TOOLSETS.join(',')),
    help: `Groups of tools to offer, comma-separated: ${TOOLSETS.join(', ')}.`,
  },
  readOnly: {
    flag: 'read-only',
    schema: toggle,
    help: 'Offer only the tools that read, and write nothing to the store.',
  },
  dryRun: {
    flag: 'dry-run',
    schema: toggle,
    help: 'With the command purge: report what would be purged, and purge nothing.',
  },
  logLevel: {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    takes: 'LEVEL',
    schema: z.enum(LOG_LEVELS, `one of ${LOG_LEVELS.join(', ')}`).optional(),
    unset: 'warn; with --http, info',
    help: `Log level: ${LOG_LEVELS.join(', ')}. The log goes to stderr.`,
  },
} as const satisfies Record<string, Setting>;
