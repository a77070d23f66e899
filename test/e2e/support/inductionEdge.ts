import type { Frame } from 'playwright-core';
import { defaultThreshold, edgesFrom, excesses, scaleEnd } from '../../../webview/circuits/excess';
import { curvePoint, edgeAt, layoutEdges, layoutGraph } from '../../../webview/circuits/graphLayout';
import { composition } from '../panel/circuitsSuite';

/** A place on the edge L0H4 → L1H5 (K) of the sample's graph where no other edge is nearer. */
export async function inductionEdge(panel: Frame): Promise<{ x: number; y: number }> {
  const { width } = (await panel.locator('.graph').boundingBox())!;
  const pairs = excesses(composition);
  const { edges } = edgesFrom(pairs, ['Q', 'K', 'V'], defaultThreshold(pairs), 300);
  const curves = layoutEdges(layoutGraph(width, 2, 8), edges, scaleEnd(pairs));
  const curve = curves.find(
    ({ edge: { kind, earlier, later } }) => kind === 'K' && earlier.head === 4 && later.head === 5,
  )!;
  const places = Array.from({ length: 19 }, (_, i) => curvePoint(curve, (i + 1) / 20));
  return places.find((at) => edgeAt(curves, at) === curve)!;
}
