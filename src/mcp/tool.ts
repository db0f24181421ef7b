import type { ToolAnnotations } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Principal } from '../domain/principal.ts';
import type { Toolset } from '../domain/toolsets.ts';
import type { FactService } from '../services/facts/index.ts';
import type { MemoryService } from '../services/memory.ts';
import type { SearchService } from '../services/search/index.ts';
import type { SessionService } from '../services/sessions.ts';
import type { UserService } from '../services/users.ts';

/** The dependencies of tools, resources and prompts. */
export interface Context {
  caller: Principal;
  sessions: SessionService;
  memory: MemoryService;
  search: SearchService;
  users: UserService;
  facts: FactService;
}

/** The context of one tool call. */
export interface ToolContext extends Context {
  /** Whether the caller has the tool of that name. Advice must name no other tool. */
  offers(tool: string): boolean;
  /** Reports progress to a caller who asked for it. */
  progress(done: number, total: number): void;
}

/**
 * The tool annotations of the protocol. All are required here, because hosts decide by them whether
 * to ask the user.
 */
export type Hints = Required<
  Pick<ToolAnnotations, 'readOnlyHint' | 'destructiveHint' | 'idempotentHint'>
>;

export interface Tool<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodObject = z.ZodObject,
> {
  name: string;
  title: string;
  description: string;
  toolset: Toolset;
  hints: Hints;
  /**
   * Requirements beyond the scope that the hints imply, for tools that affect more than one user's
   * records: an unpinned caller, or an administrator.
   */
  needs?: 'unpinned' | 'admin';
  input: Input;
  output: Output;
  run(args: z.output<Input>, context: ToolContext): Promise<z.input<Output>>;
}

/** Gives a tool its types: `run` receives parsed `input` and returns `output`. */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: Tool<Input, Output>,
): Tool {
  return tool as unknown as Tool;
}

export const READS: Hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true };
export const ADDS: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: false };
export const RESTORES: Hints = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: true,
};
/** Something that was there is replaced or removed. */
export const REPLACES: Hints = { readOnlyHint: false, destructiveHint: true, idempotentHint: true };
export const DELETES = REPLACES;
