import type { Frame } from 'playwright-core';
import { defaultThreshold, edgesFrom, excesses, scaleEnd } from '../../../webview/circuits/excess';
import { curvePoint, edgeAt, layoutEdges, layoutGraph } from '../../../webview/circuits/graphLayout';
import { composition } from '../panel/circuitsSuite';
import { ATTEMPT, attempts } from './wait';

/** A place on the edge L0H4 → L1H5 (K) of the sample's graph where no other edge is nearer. */
async function inductionEdge(panel: Frame): Promise<{ x: number; y: number }> {
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

/** Puts the pointer on the edge until its tip is there: the panel may still get another width. Returns the tip's text. */
export const hoverInductionEdge = (panel: Frame): Promise<string> =>
  attempts('tip of L0H4 → L1H5', async () => {
    await panel.locator('.graph-canvas').hover({ position: await inductionEdge(panel), timeout: ATTEMPT });
    const tip = panel.locator('.pair-tip', { hasText: /L0H4 → L1H5/ });
    await tip.waitFor({ timeout: ATTEMPT });
    return (await tip.innerText()).replaceAll(/\s+/g, ' ');
  });

/** Clicks on the edge until it is chosen. */
export const clickInductionEdge = (panel: Frame): Promise<void> =>
  attempts('chosen L0H4 → L1H5', async () => {
    await panel.locator('.graph-canvas').click({ position: await inductionEdge(panel), timeout: ATTEMPT });
    await panel.locator('[data-node="L1H5"].chosen').waitFor({ timeout: ATTEMPT });
  });
