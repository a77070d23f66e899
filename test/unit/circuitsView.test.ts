import assert from 'node:assert/strict';
import { compositionCsv, compositionJson, headsCsv } from '../../src/host/circuitsTables';
import { type Composition, headNames, type HeadScore } from '../../src/protocol/circuits';
import { type HeadPair, initialSelection, reduceSelection } from '../../src/protocol/selection';
import { defaultThreshold, edgesFrom, excesses, histogram, scaleEnd, signed } from '../../webview/circuits/excess';
import { edgeAt, curvePoint, layoutEdges, layoutGraph, nodeAt } from '../../webview/circuits/graphLayout';
import { layoutMatrices } from '../../webview/circuits/matrixLayout';
import { ramp } from '../../webview/shared/colour';
import { diverging } from '../../webview/shared/diverging';

/** Three layers of two heads; the score of (earlier, later) is 0.01 × (10 × earlier + later), K 0.5 more. */
function composition(): Composition {
  const count = 6;
  const scores = (more: number): Float32Array =>
    Float32Array.from({ length: count * count }, (_, at) => {
      const [earlier, later] = [Math.floor(at / count), at % count];
      return Math.floor(earlier / 2) < Math.floor(later / 2) ? 0.01 * (10 * earlier + later) + more : NaN;
    });
  return {
    nLayers: 3,
    nHeads: 2,
    scores: { Q: scores(0), K: scores(0.5), V: scores(0) },
    baseline: { Q: 0.1, K: 0.2, V: 0.3 },
    foldNorm: true,
    notices: [],
  };
}
const score: HeadScore = {
  layer: 1,
  head: 0,
  previousToken: 0.6,
  duplicateToken: 0.1,
  induction: 0.8,
  firstToken: 0.5,
  entropy: 2,
  ovCopying: 0.99,
  qkMatching: -0.5,
};
const thresholds = { previousToken: 0.5, duplicateToken: 0.5, induction: 0.5, firstToken: 0.6, ovCopying: 0.9 };
const pair: HeadPair = { earlier: { layer: 0, head: 1 }, later: { layer: 2, head: 0 }, kind: 'K' };

describe('names of a head', () => {
  it('are the scores that reach their threshold, behaviour first, strongest first', () => {
    assert.deepEqual(headNames(score, thresholds), [
      { name: 'induction', score: 0.8 },
      { name: 'previousToken', score: 0.6 },
      { name: 'ovCopying', score: 0.99 },
    ]);
    assert.deepEqual(headNames(score, { ...thresholds, induction: 0.81, previousToken: 2, ovCopying: 1 }), []);
  });
});

describe('a locked composition', () => {
  const locked = reduceSelection(initialSelection(), { kind: 'lockPair', pair });
  it('chooses its later head', () => {
    assert.deepEqual(locked.pair, pair);
    assert.deepEqual(locked.head, pair.later);
    assert.equal(locked.reduction, 'one');
  });
  it('goes with Escape, with a second click, and with a head outside it', () => {
    for (const event of [
      { kind: 'unlock' },
      { kind: 'lockPair', pair: { ...pair } },
      { kind: 'chooseHead', head: { layer: 1, head: 1 } },
    ] as const)
      assert.equal(reduceSelection(locked, event).pair, undefined, event.kind);
  });
  it('stays while one of its heads is chosen, and while others are hovered', () => {
    const chosen = reduceSelection(locked, { kind: 'chooseHead', head: { layer: 0, head: 1 } });
    assert.deepEqual(chosen.pair, pair);
    const hovered = reduceSelection(locked, { kind: 'hoverPair', pair: { ...pair, kind: 'Q' } });
    assert.deepEqual([hovered.pair?.kind, hovered.previewPair?.kind], ['K', 'Q']);
    assert.equal(reduceSelection(hovered, { kind: 'hoverHead', head: pair.later }).previewPair, undefined);
    assert.equal(reduceSelection(hovered, { kind: 'leave' }).previewPair, undefined);
  });
});

describe('score − baseline', () => {
  const all = excesses(composition());
  it('is of every earlier with every later head, largest first', () => {
    assert.equal(all.length, 3 * 12);
    assert.deepEqual(
      [all[0]!.earlier, all[0]!.later, all[0]!.kind],
      [{ layer: 1, head: 1 }, { layer: 2, head: 1 }, 'K'],
    );
    assert.ok(Math.abs(all[0]!.excess - (0.35 + 0.5 - 0.2)) < 1e-6);
    assert.ok(all.every(({ excess }, i) => i === 0 || excess <= all[i - 1]!.excess));
  });
  it('has one scale for all kinds, as far down as up', () => {
    assert.equal(scaleEnd(all), all[0]!.excess);
    assert.equal(scaleEnd(all.filter(({ kind }) => kind === 'V')), -all.at(-1)!.excess);
  });
  it('is cut by the threshold, the kinds and the number of edges', () => {
    const { edges, total } = edgesFrom(all, ['Q', 'V'], 0, 3);
    assert.equal(edges.length, 3);
    assert.equal(total, all.filter(({ kind, excess }) => kind !== 'K' && excess >= 0).length);
    assert.ok(edges.every(({ kind }) => kind !== 'K'));
    assert.equal(defaultThreshold(all), 0.02);
  });
  it('starts with at most a hundred edges in a large model', () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ ...pair, excess: 1 - i / 1000 }));
    assert.equal(edgesFrom(many, ['K'], defaultThreshold(many), 300).total, 101);
  });
  it('falls into bins that hold every pair', () => {
    const bins = histogram(all, ['Q', 'K', 'V'], 7);
    assert.equal(
      bins.reduce((sum, { count }) => sum + count, 0),
      all.length,
    );
    assert.ok(bins.at(-1)!.count > 0 && bins[0]!.count > 0);
  });
  it('is written with a true minus, and without a sign where it is nothing', () => {
    assert.deepEqual([signed(0.1074, 3), signed(-0.0361, 3), signed(-0.0001, 3)], ['+0.107', '−0.036', '0.000']);
  });
});

describe('the graph', () => {
  const layout = layoutGraph(728, 2, 8);
  it('has the measures of the design', () => {
    assert.deepEqual(nodeAt(layout, { layer: 1, head: 7 }), { x: 664, y: 92 });
    assert.deepEqual(nodeAt(layout, { layer: 0, head: 0 }), { x: 104, y: 340 });
    assert.equal(layout.height, 404);
  });
  it('draws the strongest edge 9 px wide and none under 1 px, and finds them under the pointer', () => {
    const of = (earlier: number, later: number, excess: number) => ({
      kind: 'K' as const,
      earlier: { layer: 0, head: earlier },
      later: { layer: 1, head: later },
      excess,
    });
    const curves = layoutEdges(layout, [of(4, 5, 0.108), of(0, 7, 0.001), of(4, 1, 0.05)], 0.108);
    assert.deepEqual(
      curves.map(({ width }) => Number(width.toFixed(2))),
      [4.17, 1, 9],
    );
    for (const curve of curves) assert.equal(edgeAt(curves, curvePoint(curve, 0.25)), curve);
    assert.equal(edgeAt(curves, { x: 20, y: 20 }), undefined);
    const [left, right] = [curves[0]!, curves[2]!];
    assert.ok(left.points[0].x < right.points[0].x, 'edges leave a node in the order of where they go');
  });
  it('scrolls rather than shrink without end', () => {
    const large = layoutGraph(500, 32, 32);
    assert.ok(large.width > 500 && large.stepX >= 20 && large.stepY >= 64);
  });
});

describe('the matrices', () => {
  it('have the measures of the design', () => {
    const { cell, pitch, left, top, height, legendBeside } = layoutMatrices(728, 8);
    assert.deepEqual([cell, pitch, left, top, height, legendBeside], [20, 196, 36, 44, 228, true]);
  });
  it('fit a narrow panel with whole cells', () => {
    for (const [room, heads] of [
      [480, 8],
      [728, 12],
      [728, 32],
      [360, 12],
    ] as const) {
      const { cell, width } = layoutMatrices(room, heads);
      assert.equal(cell, Math.round(cell));
      assert.ok(width <= room, `${width} of ${room}`);
    }
  });
});

describe('the diverging scale', () => {
  it('is transparent at zero, symmetric in strength, blue above and rose below', () => {
    for (const theme of ['dark', 'light'] as const) {
      assert.equal(diverging(0, theme)[3], 0);
      assert.equal(diverging(NaN, theme)[3], 0);
      assert.equal(diverging(0.5, theme)[3], diverging(-0.5, theme)[3]);
      assert.equal(diverging(7, theme)[3], 255);
      assert.ok(diverging(1, theme)[2] > diverging(1, theme)[0] && diverging(-1, theme)[0] > diverging(-1, theme)[2]);
      assert.notDeepEqual(diverging(1, theme), ramp(1, theme));
    }
  });
});

describe('tables of circuits', () => {
  it('give every pair once', () => {
    const lines = compositionCsv(composition()).trimEnd().split('\n');
    assert.equal(lines.length, 1 + 36);
    assert.equal(lines[0], 'earlier,later,kind,score,baseline,difference');
    assert.match(
      lines.find((line) => line.startsWith('L0H1,L2H0,K,'))!,
      /^L0H1,L2H0,K,0\.6399\d*,0\.2,0\.4399\d*$/,
    );
  });
  it('give composition as JSON without NaN', () => {
    const json = JSON.parse(JSON.stringify(compositionJson(composition()))) as {
      scores: Record<string, (number | null)[][]>;
    };
    assert.equal(json.scores['Q']![0]![1], null);
    assert.ok(Math.abs(json.scores['Q']![1]![4]! - 0.14) < 1e-6);
  });
  it('give every score of a head', () => {
    assert.equal(
      headsCsv({ heads: [score], length: 50, batch: 4, seed: 0, notices: [] }),
      'layer,head,previousToken,duplicateToken,induction,firstToken,entropy,ovCopying,qkMatching\n1,0,0.6,0.1,0.8,0.5,2,0.99,-0.5\n',
    );
  });
});
