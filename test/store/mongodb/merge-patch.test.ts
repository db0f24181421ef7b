import { describe, expect, it } from 'vitest';
import { mergePipeline } from '../../../src/store/mongodb/merge-patch.ts';

describe('the MongoDB store', () => {
  it('merges with stages whose number grows with the depth of a patch, not with its size', () => {
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { a: i }]));
    expect(mergePipeline(wide, new Date())).toHaveLength(5);
    expect(mergePipeline({ a: 1 }, new Date())).toHaveLength(3);
  });
});
