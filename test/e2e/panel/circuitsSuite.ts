/** What the tests of the circuits panel share. */
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import type { HeadRef } from '../../../src/protocol/checkpoint';
import type { Composition, CompositionKind } from '../../../src/protocol/circuits';
import type { HeadPair, SelectionEvent } from '../../../src/protocol/selection';
import { defaultThreshold, edgesFrom, type Excess, excesses, scaleEnd } from '../../../webview/circuits/excess';
import { type Curve, curvePoint, edgeAt, layoutEdges, layoutGraph } from '../../../webview/circuits/graphLayout';
import { circuitsFixture } from './circuitsFixture';
import type { CircuitsFixture, CircuitsHost, CircuitsMessage } from './circuitsTypes';
import { type Harness, startHarness } from './harness';
import { Panel, type PanelOptions } from './page';

let harness: Harness;
/** Of the test that runs. */
export let panel: Panel;
export const fixture: CircuitsFixture = circuitsFixture(process.cwd());

export async function open(options: PanelOptions = {}): Promise<Panel> {
  const drawn = options.scenario === 'zero' ? ['.no-heads'] : ['.graph-canvas[data-edges]', '.matrix-V[data-cell]'];
  panel = await Panel.open(harness, { width: 728, height: 800, drawn, ...options });
  return panel;
}

/** Runs `work` in the page with the fake host. It may use nothing from around it but `extra`. */
export const host = <T, E = undefined>(work: (host: CircuitsHost, extra: E) => T, extra?: E): Promise<T> =>
  panel.onHost(work, extra);

export const sent = (): Promise<CircuitsMessage[]> => host(({ sent: all }) => all);
export const events = async (): Promise<SelectionEvent[]> =>
  (await sent()).flatMap(({ method, params }) =>
    method === 'circuits/select' ? [(params as { event: SelectionEvent }).event] : [],
  );

export const node = (name: string): Locator => panel.page.locator(`[data-node="${name}"]`);
export const parse = (name: string): HeadRef => {
  const [layer = 0, head = 0] = name.slice(1).split('H').map(Number);
  return { layer, head };
};

/** The reference's composition, as the panel has it. */
export const composition: Composition = {
  ...fixture.composition,
  scores: Object.fromEntries(
    Object.entries(fixture.composition.scores).map(([kind, values]) => [
      kind,
      Float32Array.from(values, (value) => value ?? NaN),
    ]),
  ) as Composition['scores'],
};
export const pairs: Excess[] = excesses(composition);
export const end = scaleEnd(pairs);

/** Score − baseline of head `earlier` of layer 0 and head `later` of layer 1. */
export function excessOf(kind: CompositionKind, earlier: number, later: number): number {
  const found = pairs.find((p) => p.kind === kind && p.earlier.head === earlier && p.later.head === later);
  assert.ok(found);
  return found.excess;
}

/** Where the edge of a pair can be pointed at, in pixels of the graph. */
export async function edgePoint(pair: HeadPair): Promise<{ x: number; y: number }> {
  const width = (await panel.page.locator('.graph').boundingBox())!.width;
  const layout = layoutGraph(width, composition.nLayers, composition.nHeads);
  const { edges } = edgesFrom(pairs, ['Q', 'K', 'V'], defaultThreshold(pairs), 300);
  const curves = layoutEdges(layout, edges, end);
  const same = ({ edge }: Curve): boolean =>
    edge.kind === pair.kind && edge.earlier.head === pair.earlier.head && edge.later.head === pair.later.head;
  const curve = curves.find(same);
  assert.ok(curve, 'the edge is drawn');
  const places = Array.from({ length: 19 }, (_, i) => curvePoint(curve, (i + 1) / 20));
  // where it is the nearest edge
  const free = places.find((at) => edgeAt(curves, at) === curve);
  assert.ok(free, 'the edge can be pointed at');
  return { x: Math.round(free.x), y: Math.round(free.y) };
}

/** Middle of a cell of a matrix, in its pixels. */
export async function cellPoint(kind: CompositionKind, row: number, column: number): Promise<{ x: number; y: number }> {
  const { cell } = await panel.data(`.matrix-${kind}`);
  return { x: (column + 0.5) * Number(cell), y: (row + 0.5) * Number(cell) };
}

/** Of a point of a matrix's canvas, whatever its resolution: a canvas pixel is a device pixel. */
export const cellColour = async (kind: CompositionKind, row: number, column: number): Promise<number[]> => {
  const { x, y } = await cellPoint(kind, row, column);
  return panel.pixel(`.matrix-${kind}`, x, y);
};

/** Hooks of a suite. */
export function useCircuits(): void {
  before(async () => {
    harness = await startHarness(process.cwd(), {
      panel: 'circuits',
      fakeHost: 'circuitsFakeHost',
      fixture: circuitsFixture,
    });
  });
  after(() => harness.close());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await panel.shot(`failed ${this.currentTest.title.replaceAll(/\W+/g, ' ')}`);
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });
}
