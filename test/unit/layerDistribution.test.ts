import assert from 'node:assert/strict';
import { barOf } from '../../webview/latents/card/about';

describe('bars of a layer distribution', () => {
  const bars = (layers: number[], at: number[]): number[] => at.map((layer) => barOf(layers, layer));

  it('are the layers where none is left out', () => {
    assert.deepEqual(bars([0, 1, 2], [-0.5, 0, 0.25, 1, 2, 2.5]), [-0.5, 0, 0.25, 1, 2, 2.5]);
    assert.deepEqual(bars([3, 4], [3, 3.5, 4]), [0, 0.5, 1]);
  });

  it('have the layers that are left out between them', () => {
    assert.deepEqual(bars([0, 2, 5], [-1, 0, 1, 2, 3.5, 5, 6]), [-1, 0, 0.5, 1, 1.5, 2, 3]);
  });

  it('are one for a single layer', () => {
    assert.deepEqual(bars([4], [3.5, 4, 4.5]), [-0.5, 0, 0.5]);
  });
});
