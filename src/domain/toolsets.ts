/** The groups of tools that a server can be restricted to. */
export const TOOLSETS = ['sessions', 'memory', 'users'] as const;
export type Toolset = (typeof TOOLSETS)[number];
