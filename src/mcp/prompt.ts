import type { z } from 'zod';
import type { Context } from './tool.ts';

/** A prompt with one argument, which is an identifier. */
export interface Prompt {
  name: string;
  title: string;
  description: string;
  argument: { name: string; description: string; schema: z.ZodType<string> };
  /** The text that the user sends to the model. */
  text(id: string, context: Context): Promise<string>;
  /** Up to `limit` identifiers that start with `prefix`. */
  complete(prefix: string, limit: number, context: Context): Promise<string[]>;
}
