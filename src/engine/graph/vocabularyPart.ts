/** A part of the unembedding: the tokens from one id to before another, their weights read where they lie. */
import type { StoredTensor } from '../checkpoint/checkpoint';
import type { WeightRef } from '../checkpoint/description';
import type { Described } from './transformer';
import { pieces } from './vocabulary';

export type VocabularyPart = [from: number, to: number];

/** Stored row by row of the vocabulary, so that a part is a range of bytes. A bias of these models is not known. */
const isSliceable = ({ description: { unembed }, tensors }: Described): boolean =>
  unembed.layout === 'out-in' && !unembed.bias && tensors.get(unembed.weight.tensor)?.derived === undefined;

/** Parts of at most so many bytes as float32 that together are the vocabulary; one where it cannot be divided. */
export function vocabularyParts(of: Described, bytes: number): VocabularyPart[] {
  const { dModel, dVocab } = of.description;
  const parts = isSliceable(of) ? Math.ceil((4 * dModel * dVocab) / bytes) : 1;
  return pieces(dVocab, Math.ceil(dVocab / parts));
}

/** The checkpoint as if those tokens were its vocabulary. The embedding stays. */
export function withPart({ description, tensors }: Described, [from, to]: VocabularyPart): Described {
  const { unembed } = description;
  const { tensor, shape } = unembed.weight;
  const whole = tensors.get(tensor)!;
  const rowBytes = whole.length / whole.shape[0]!;
  const weight: WeightRef = { tensor: `${tensor}[${from}:${to}]`, shape: [to - from, shape[1]!] };
  const stored: StoredTensor = {
    ...whole,
    shape: weight.shape,
    offset: whole.offset + from * rowBytes,
    length: (to - from) * rowBytes,
  };
  return {
    description: { ...description, dVocab: to - from, unembed: { ...unembed, weight } },
    tensors: new Map([...tensors, [weight.tensor, stored]]),
  };
}
