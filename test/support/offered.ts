import { DEFAULT_TOOLSETS, TOOLSETS } from '../../src/domain/toolsets.ts';
import { TOOLS } from '../../src/mcp/tools/index.ts';

/** The arguments with which a server offers every tool. */
export const EVERY_TOOLSET = ['--toolsets', TOOLSETS.join(',')];

/** The tools that a server offers by default, in the order of `tools/list`. */
export const OFFERED_BY_DEFAULT = TOOLS.filter(({ toolset }) =>
  DEFAULT_TOOLSETS.includes(toolset),
).map(({ name }) => name);

/** The read-only tools of the default toolsets, in the order of `tools/list`. */
export const READING_BY_DEFAULT = [
  'get_session',
  'list_sessions',
  'get_memory',
  'list_messages',
  'search_memory',
  'get_user',
  'list_users',
];

/** All read-only tools, in the order of `tools/list`. */
export const READING = [...READING_BY_DEFAULT, 'search_facts', 'get_entity'];
