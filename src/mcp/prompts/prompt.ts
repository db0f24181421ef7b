import type { z } from 'zod';
import type { Completer } from '../resources/resource-uri.ts';
import type { Context } from '../tool.ts';

/** A prompt with one argument, which is an identifier. */
export interface Prompt {
  name: string;
  title: string;
  description: string;
  /** The tools that its text mentions. Without them, the prompt is not offered. */
  tools: readonly string[];
  argument: { name: string; description: string };
  input: z.ZodObject;
  /** The text that the user sends to the model. */
  text(id: string, context: Context): Promise<string>;
  complete: Completer;
}
