import { extractFacts } from './extract-facts.ts';
import type { Prompt } from './prompt.ts';
import { resumeSession } from './resume-session.ts';
import { summarizeSession } from './summarize-session.ts';

/** Every prompt, in the order in which `prompts/list` shows them. */
export const PROMPTS: readonly Prompt[] = [resumeSession, summarizeSession, extractFacts];
