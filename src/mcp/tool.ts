import type { ToolAnnotations } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Toolset } from '../domain/toolsets.ts';
import type { MemoryService } from '../services/memory.ts';
import type { SearchService } from '../services/search/index.ts';
import type { SessionService } from '../services/sessions.ts';
import type { UserService } from '../services/users.ts';
import type { Principal } from './principal.ts';

/** What tools, resources and prompts work with. */
export interface Context {
  caller: Principal;
  sessions: SessionService;
  memory: MemoryService;
  search: SearchService;
  users: UserService;
}

/** What a tool works with during one call. */
export interface ToolContext extends Context {
  /** Whether the caller has the tool of that name: advice names no other. */
  offers(tool: string): boolean;
  /** Tells a caller who asked for it how far the call has got. */
  progress(done: number, total: number): void;
}

/** The hints of the protocol, none of them optional: a host decides by them what needs asking. */
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
   * What it takes beyond the scope that the hints say, since it reaches beyond one user's records: not
   * to be pinned to a user, or to be an administrator, too.
   */
  needs?: 'unpinned' | 'admin';
  input: Input;
  output: Output;
  run(args: z.output<Input>, context: ToolContext): Promise<z.input<Output>>;
}

/** Gives a tool its types: `run` sees what `input` lets through, and answers with what `output` says. */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: Tool<Input, Output>,
): Tool {
  return tool as unknown as Tool;
}

export const READS: Hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true };
export const ADDS: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: false };
export const CHANGES: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: true };
export const DELETES: Hints = { readOnlyHint: false, destructiveHint: true, idempotentHint: true };
