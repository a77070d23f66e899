import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import type { ModelDescription } from '../checkpoint/description';
import { interventionInputs, type EditedHook, type InterventionKinds } from '../graph/interventions';
import type { Edit, Interventions } from './types';

/** What the graph of a run needs inputs for. */
export const kindsOf = ({ z, resid, patterns }: Interventions = {}): InterventionKinds => ({
  z: z !== undefined,
  resid: resid !== undefined,
  patterns: [...(patterns?.keys() ?? [])].sort((a, b) => a - b),
});

/** For the names of sessions; empty without interventions. */
export const kindsKey = ({ z, resid, patterns = [] }: InterventionKinds): string =>
  [
    z ? l10n.t(' edits z') : '',
    resid ? l10n.t(' edits resid') : '',
    patterns.length ? l10n.t(' given patterns {0}', patterns.join()) : '',
  ].join('');

const tensor = ({ shape, data }: HookTensor): Tensor => new Tensor('float32', data, shape);

/** The graph inputs of a run's interventions, by name: those of layers that are not edited change nothing. */
export function interventionFeeds(
  { nLayers, nHeads }: ModelDescription,
  { z, resid, patterns }: Interventions = {},
  nPositions: number,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  const edits = (hook: EditedHook, layers: number, byLayer: ReadonlyMap<number, Edit>): void => {
    checkLayers(byLayer, layers);
    const one = hook === 'z' ? [1, 1, 1] : [1, 1];
    for (let layer = 0; layer < layers; layer++) {
      const { keep, add } = byLayer.get(layer) ?? {};
      feeds[interventionInputs.keep(hook, layer)] = tensor(keep ?? { shape: one, data: Float32Array.of(1) });
      feeds[interventionInputs.add(hook, layer)] = tensor(add ?? { shape: one, data: Float32Array.of(0) });
    }
  };
  if (z) edits('z', nLayers, z);
  if (resid) edits('resid', nLayers + 1, resid);
  if (patterns) checkLayers(patterns, nLayers);
  for (const [layer, data] of patterns ?? [])
    feeds[interventionInputs.pattern(layer)] = tensor({ shape: [nHeads, nPositions, nPositions], data });
  return feeds;
}

function checkLayers(byLayer: ReadonlyMap<number, unknown>, layers: number): void {
  for (const layer of byLayer.keys())
    if (!Number.isInteger(layer) || layer < 0 || layer >= layers)
      throw new RangeError(`there is no layer ${layer} to intervene on`);
}
