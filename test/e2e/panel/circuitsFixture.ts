/** Composition and head scores of the reference of `attn-only-2l` for the fake host of the circuits panel. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type CompositionKind, compositionKinds, type HeadScore } from '../../../src/protocol/circuits';
import type { CircuitsFixture } from './circuitsTypes';
import { referenceFixture } from './fixture';

interface Reference {
  composition: { scores: Record<'0->1', Record<CompositionKind, number[][]>> };
  repeated_random: {
    head_scores: Record<'previous_token' | 'duplicate_token' | 'induction' | 'first_token', number[][]>;
  };
  ov_copying: { values: number[][] };
}

const LAYERS = 2;
const HEADS = 8;
/** Of 256 × 32 factors, as the design's pictures have it. */
export const BASELINE = 0.063;

export function readReference(root: string): Reference {
  const file = path.join(root, 'test/fixtures/reference/attn-only-2l/reference.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Reference;
}

export function circuitsFixture(root: string): CircuitsFixture {
  const { composition, repeated_random, ov_copying } = readReference(root);
  const between = composition.scores['0->1'];
  const scoresOf = (kind: CompositionKind): (number | null)[] =>
    Array.from({ length: (LAYERS * HEADS) ** 2 }, (_, at) => {
      const [earlier, later] = [Math.floor(at / (LAYERS * HEADS)), (at % (LAYERS * HEADS)) - HEADS];
      return between[kind][earlier]?.[later] ?? null;
    });
  const byKind = <T>(of: (kind: CompositionKind) => T): Record<CompositionKind, T> =>
    Object.fromEntries(compositionKinds.map((kind) => [kind, of(kind)])) as Record<CompositionKind, T>;
  const { previous_token, duplicate_token, induction, first_token } = repeated_random.head_scores;
  const heads = Array.from({ length: LAYERS * HEADS }, (_, index): HeadScore => {
    const [layer, head] = [Math.floor(index / HEADS), index % HEADS];
    return {
      layer,
      head,
      previousToken: previous_token[layer]![head]!,
      duplicateToken: duplicate_token[layer]![head]!,
      induction: induction[layer]![head]!,
      firstToken: first_token[layer]![head]!,
      entropy: 1,
      ovCopying: ov_copying.values[layer]![head]!,
      qkMatching: 0,
    };
  });
  return {
    prompt: referenceFixture(root),
    composition: {
      nLayers: LAYERS,
      nHeads: HEADS,
      scores: byKind(scoresOf),
      baseline: byKind(() => BASELINE),
      foldNorm: false,
      notices: [],
    },
    scores: { heads, length: 50, batch: 4, seed: 0, notices: [] },
  };
}
