/** The groups of tools that a server can be restricted to. */
export const TOOLSETS = ['sessions', 'memory', 'users', 'facts'] as const;
export type Toolset = (typeof TOOLSETS)[number];

/** Those that are offered unless others are asked for: a model pays for each tool that it sees. */
export const DEFAULT_TOOLSETS: readonly Toolset[] = ['sessions', 'memory', 'users'];
