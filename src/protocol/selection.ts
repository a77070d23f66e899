/**
 * One selection for one analysis, held by the host (UI.md, "One selection"). Views send `SelectionEvent`s; host and views
 * run the same reducer, so that a view can draw its own hover in the same frame and agrees with the host afterwards.
 */
import type { Reduction, Weighting } from './analysis';
import type { HeadRef } from './checkpoint';
import type { CompositionKind } from './circuits';

/** What the pointer, the cursor or the keyboard is on. */
export interface Focus {
  destination?: number;
  source?: number;
}

/** An earlier head and a later one that reads what it wrote, through Q, K or V. */
export interface HeadPair {
  earlier: HeadRef;
  later: HeadRef;
  kind: CompositionKind;
}

/** Which side a token is on when it is hovered or locked by itself. */
export type Side = 'destination' | 'source';

export interface Selection {
  /** Follows the pointer; empty when it is over nothing. */
  preview: Focus;
  /** Kept until Escape or another click. */
  locked: Focus;
  /** The head that is drawn large in mode `one`. */
  head: HeadRef;
  /** Head under the pointer in the grid or tree. */
  previewHead?: HeadRef;
  /** Composition that is locked; `head` is its later head. */
  pair?: HeadPair;
  /** Composition under the pointer, in the graph or a matrix. */
  previewPair?: HeadPair;
  /** Latent that is locked, and the layer of its cell: it tints the code instead of the head. */
  latent?: number;
  layer?: number;
  /** Latent under the pointer. */
  previewLatent?: number;
  previewLayer?: number;
  side: Side;
  reduction: Reduction;
  weighting: Weighting;
}

export type SelectionEvent =
  | { kind: 'hoverToken'; token: number }
  | { kind: 'hoverCell'; destination: number; source: number }
  | { kind: 'hoverHead'; head: HeadRef }
  | { kind: 'hoverPair'; pair: HeadPair }
  | { kind: 'leave' }
  | { kind: 'lockToken'; token: number }
  | { kind: 'lockCell'; destination: number; source: number }
  | { kind: 'chooseHead'; head: HeadRef }
  | { kind: 'lockPair'; pair: HeadPair }
  /** In a list; or in a map, at a layer and a token. */
  | { kind: 'hoverLatent'; latent: number; layer?: number; token?: number }
  | { kind: 'chooseLatent'; latent: number; layer?: number }
  | { kind: 'unlock' }
  | { kind: 'side'; side: Side }
  | { kind: 'reduction'; reduction: Reduction }
  | { kind: 'weighting'; weighting: Weighting };

export const initialSelection = (head: HeadRef = { layer: 0, head: 0 }): Selection => ({
  preview: {},
  locked: {},
  head,
  side: 'destination',
  reduction: 'one',
  weighting: 'pattern',
});

const other = (side: Side): Side => (side === 'destination' ? 'source' : 'destination');

const same = (a?: HeadRef, b?: HeadRef): boolean => a?.layer === b?.layer && a?.head === b?.head;
export const samePair = (a?: HeadPair, b?: HeadPair): boolean =>
  same(a?.earlier, b?.earlier) && same(a?.later, b?.later) && a?.kind === b?.kind;
const nothing = {
  preview: {},
  previewHead: undefined,
  previewPair: undefined,
  previewLatent: undefined,
  previewLayer: undefined,
};

/** The one token that is locked by itself (not as a cell), on the selection's side. */
export const lockedToken = (s: Selection): number | undefined => s.locked[s.side];

/**
 * Hovering a token previews it on the selection's side; when a token is locked there already, the hovered one is the
 * other end of the pair. Locking the locked token again unlocks it, and so does locking the locked composition.
 * Choosing a head keeps the locked composition that it is in. Choosing the locked latent again unlocks it.
 */
export function reduceSelection(s: Selection, e: SelectionEvent): Selection {
  switch (e.kind) {
    case 'hoverToken': {
      const side = lockedToken(s) === undefined ? s.side : other(s.side);
      return { ...s, ...nothing, preview: { [side]: e.token } };
    }
    case 'hoverCell':
      return { ...s, ...nothing, preview: { destination: e.destination, source: e.source } };
    case 'hoverHead':
      return { ...s, ...nothing, previewHead: e.head };
    case 'hoverPair':
      return { ...s, ...nothing, previewPair: e.pair };
    case 'leave':
      return { ...s, ...nothing };
    case 'lockToken':
      return lockedToken(s) === e.token && s.locked[other(s.side)] === undefined
        ? { ...s, locked: {}, preview: {} }
        : { ...s, locked: { [s.side]: e.token }, preview: {} };
    case 'lockCell':
      return s.locked.destination === e.destination && s.locked.source === e.source
        ? { ...s, locked: {} }
        : { ...s, locked: { destination: e.destination, source: e.source } };
    case 'chooseHead':
      return {
        ...s,
        head: e.head,
        reduction: 'one',
        previewHead: undefined,
        pair: same(e.head, s.pair?.earlier) || same(e.head, s.pair?.later) ? s.pair : undefined,
      };
    case 'lockPair':
      return samePair(s.pair, e.pair)
        ? { ...s, ...nothing, pair: undefined }
        : { ...s, ...nothing, pair: e.pair, head: e.pair.later, reduction: 'one' };
    case 'hoverLatent': {
      const preview = e.token === undefined ? {} : { [s.side]: e.token };
      return { ...s, ...nothing, preview, previewLatent: e.latent, previewLayer: e.layer };
    }
    case 'chooseLatent': {
      const again = s.latent === e.latent && s.layer === e.layer;
      return { ...s, ...nothing, latent: again ? undefined : e.latent, layer: again ? undefined : e.layer };
    }
    case 'unlock':
      return { ...s, ...nothing, locked: {}, pair: undefined, latent: undefined, layer: undefined };
    case 'side':
      // a token that is locked by itself stays locked, on the other side
      return { ...s, side: e.side, locked: { [e.side]: s.locked[s.side] ?? s.locked[e.side] }, preview: {} };
    case 'reduction':
      return { ...s, reduction: e.reduction };
    case 'weighting':
      return { ...s, weighting: e.weighting };
  }
}

const sameValue = (a: unknown, b: unknown): boolean => {
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return a === b;
  const [one, two] = [a, b] as Record<string, unknown>[];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => sameValue(one![key], two![key]));
};

/** Nothing differs: what the host answers to most of what a view has drawn by itself. */
export const sameSelection = (a: Selection, b: Selection): boolean => sameValue(a, b);

/** The token that tints are about: the locked one, else the previewed one. `side` tells whether its row or column. */
export function focusToken(s: Selection): { side: Side; token: number } | undefined {
  const token = s.locked[s.side] ?? s.preview[s.side];
  return token === undefined ? undefined : { side: s.side, token };
}
