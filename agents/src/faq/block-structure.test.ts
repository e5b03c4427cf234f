import { describe, expect, test } from 'vitest';
import { blocksOf, STRUCTURE_LIMITS } from './block-structure.ts';

const types = (markdown: string) => blocksOf(markdown)?.map(({ type }) => type);

describe('the block structure', () => {
  test('blocks are told apart, and what stands inside a line is plain text', () => {
    expect(types('# T\n\n*a* [b](c)\n\n- d\n\n```\ne\n```\n\n---\n')).toEqual([
      'heading',
      'paragraph',
      'list',
      'code',
      'thematicBreak',
    ]);
    expect(blocksOf('*a* `b`')).toMatchObject([{ children: [{ type: 'text', value: '*a* `b`' }] }]);
  });

  test.each(['> ', '>', '- ', '1. ', '* > '])('nesting of %j is taken to the limit and refused beyond', (marker) => {
    const depth = marker.split(/[>*.-]/).length - 1;
    const times = Math.floor(STRUCTURE_LIMITS.depth / depth);
    expect(blocksOf(`${marker.repeat(times)}x`)).toHaveLength(1);
    expect(blocksOf(`Text.\n\n${marker.repeat(times + 1)}x`)).toBeNull();
  });

  test('an underlined line is a paragraph and a rule, not a heading', () => {
    expect(types('Text\n---\n')).toEqual(['paragraph', 'thematicBreak']);
  });

  test('a long rule and a long row of stars are no nesting', () => {
    expect(types(`${'-'.repeat(500)}\n\n${'*'.repeat(500)}\n`)).toEqual(['thematicBreak', 'thematicBreak']);
  });
});
