import type { AttentionEdits } from './attention';
import { DataType, type GraphBuilder, type Value } from './builder';

/** Which interventions a graph has inputs for (DESIGN: interventions are inputs). */
export interface InterventionKinds {
  /** Edits of every hook_z. */
  z?: boolean;
  /** Edits of every hook_resid_pre, and of the last hook_resid_post. */
  resid?: boolean;
  /** Layers whose pattern is given. */
  patterns?: readonly number[];
}

export type EditedHook = 'z' | 'resid';

/** Names of the graph's inputs for interventions. */
export const interventionInputs = {
  keep: (hook: EditedHook, layer: number): string => `${hook}_keep_${layer}`,
  add: (hook: EditedHook, layer: number): string => `${hook}_add_${layer}`,
  pattern: (layer: number): string => `pattern_${layer}`,
};

const dims: Record<EditedHook, string[]> = { z: ['pos', 'head', 'd_head'], resid: ['pos', 'd_model'] };

/** x · keep + add with inputs that broadcast against x; x itself, and no node, where the graph has no such intervention. */
export function edited(g: GraphBuilder, kinds: InterventionKinds, hook: EditedHook, layer: number, x: Value): Value {
  if (!kinds[hook]) return x;
  const input = (part: 'keep' | 'add'): Value =>
    g.input(
      interventionInputs[part](hook, layer),
      DataType.FLOAT,
      dims[hook].map((dim) => `${hook}_${part}_${layer}_${dim}`),
    );
  return g.op('Add', [g.op('Mul', [x, input('keep')]), input('add')]);
}

export const attentionEdits = (g: GraphBuilder, kinds: InterventionKinds, layer: number): AttentionEdits => ({
  pattern: kinds.patterns?.includes(layer)
    ? g.input(interventionInputs.pattern(layer), DataType.FLOAT, ['head', 'pos', 'pos'])
    : undefined,
  z: (z) => edited(g, kinds, 'z', layer, z),
});
