/** The groups of tools that a server can be told to offer alone. */
export const TOOLSETS = ['sessions', 'memory', 'users'] as const;
export type Toolset = (typeof TOOLSETS)[number];
