import type { Document } from 'mongodb';
import { expect } from 'vitest';
import type { Observed } from './observed-store.ts';

/** How the server ran some commands, all together. */
export interface QueryPlan {
  stages: string[];
  keysExamined: number;
  docsExamined: number;
}

/** How the server runs the commands that `work` sends. Each is sent once more, to be explained. */
export async function explained(at: Observed, work: () => Promise<unknown>): Promise<QueryPlan> {
  const commands = await at.commands(work);
  const plan: QueryPlan = { stages: [], keysExamined: 0, docsExamined: 0 };
  for (const { command, commandName } of commands) {
    if (!['find', 'aggregate', 'count', 'findAndModify'].includes(commandName)) continue;
    const { lsid: _, $clusterTime: __, txnNumber: ___, $db: ____, ...bare } = command as Document;
    const answer = await at.db.command({ explain: bare, verbosity: 'executionStats' });
    collect(answer, plan);
  }
  expect(plan.stages).not.toHaveLength(0);
  return plan;
}

function collect(node: unknown, plan: QueryPlan): void {
  if (Array.isArray(node)) for (const child of node) collect(child, plan);
  else if (typeof node === 'object' && node !== null) {
    for (const [key, value] of Object.entries(node)) {
      if (key === 'stage' && typeof value === 'string') plan.stages.push(value);
      else if (key === 'totalKeysExamined') plan.keysExamined += Number(value);
      else if (key === 'totalDocsExamined') plan.docsExamined += Number(value);
      else collect(value, plan);
    }
  }
}
