/**
 * Plays the extension host inside the page: fakes `acquireVsCodeApi`, holds the selection, sends views and matrices.
 * `window.panelHost` is what a test reads and calls.
 */
import type { AnalysisInfo, PatternMatrix, Reduction, Thumbnails, Token } from '../../../src/protocol/analysis';
import {
  type AttentionView,
  hostToPanel,
  matrixKeyOf,
  PANEL_ORIGIN,
  panelToHost,
  type PanelToHost,
} from '../../../src/protocol/attentionPanel';
import { initialSelection, reduceSelection } from '../../../src/protocol/selection';
import type { Fixture, Message, PanelHost } from './types';

interface Scenario {
  view: AttentionView;
  /** One head's pattern, `[dst, src]`. */
  pattern(layer: number, head: number): Float32Array;
}

declare global {
  interface Window {
    panelFixture: Fixture;
    panelHost: PanelHost;
    acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
  }
}

const THUMBNAIL_MAX = 84;

function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function makeView(text: string, tokens: Token[], sizes: { nLayers: number; nHeads: number }): AttentionView {
  const analysis: AnalysisInfo = {
    id: `analysis-${tokens.length}-${sizes.nLayers}`,
    checkpointId: 'checkpoint',
    tokens,
    ...sizes,
    provider: 'cpu',
    timings: { load: 0, run: 38 },
    surprisal: Float32Array.from(tokens, (_, i) => (i === 0 ? NaN : 1 + 5 * Math.abs(Math.sin(i * 1.7)))),
    predictions: tokens.map(() => []),
    notices: [],
    totalTokens: tokens.length,
  };
  const checkpoint = {
    id: 'checkpoint',
    name: 'attn-only-2l',
    path: '/samples/attn-only-2l',
    architecture: 'attn_only',
    ...sizes,
    nKeyValueHeads: sizes.nHeads,
    dModel: 256,
    dHead: 32,
    dMlp: 0,
    nCtx: 1024,
    dVocab: 4096,
    nParams: 2_700_000,
    bytes: 5_400_000,
    dtypes: ['F16'],
    hasTokenizer: true,
    provider: 'cpu',
    providerNotes: [],
    notices: [],
    loadMs: 20,
  };
  return { checkpoint, analysis, text, sourceName: 'total.ts:4–9', stale: false, headNames: [] };
}

function referenceScenario(fixture: Fixture): Scenario {
  const n = fixture.tokens.length;
  const all = floats(fixture.patterns);
  const view = makeView(fixture.text, fixture.tokens, fixture);
  view.analysis.surprisal = Float32Array.from(fixture.surprisal, (bits, i) => (i === 0 ? NaN : bits));
  view.analysis.predictions = fixture.predictions;
  return {
    view,
    pattern: (layer, head) => all.slice((layer * fixture.nHeads + head) * n * n).subarray(0, n * n),
  };
}

/** Rows that look like attention: a few sharp peaks over a falling floor, each row's sum 1. */
function madeUpPattern(n: number, seed: number): Float32Array {
  const values = new Float32Array(n * n);
  for (let row = 0; row < n; row++) {
    let total = 0;
    for (let column = 0; column <= row; column++) {
      const peak = (row * 7 + column * 13 + seed * 5) % 31 === 0 ? 20 : 0;
      const weight = peak + (column === row - (seed % 4) ? 40 : 0) + 1 / (1 + row - column);
      values[row * n + column] = weight;
      total += weight;
    }
    for (let column = 0; column <= row; column++) values[row * n + column]! /= total;
  }
  return values;
}

function madeUpScenario(n: number, nLayers: number, nHeads: number, words: readonly string[]): Scenario {
  let text = '';
  const tokens = Array.from({ length: n }, (_, i) => {
    const word = words[i % words.length]!;
    const start = text.length;
    text += word;
    return { id: i % words.length, text: word, start, end: text.length };
  });
  const kept = new Map<number, Float32Array>();
  return {
    view: makeView(text, tokens, { nLayers, nHeads }),
    pattern(layer, head) {
      const index = layer * nHeads + head;
      const pattern = kept.get(index) ?? madeUpPattern(n, index);
      if (kept.size < 200) kept.set(index, pattern);
      return pattern;
    },
  };
}

const WORDS = ['The', ' quick', ' brown', ' fox', ' jumps', ' over', ' the', ' lazy', ' dog', '.', '\n'];
const SCENARIOS: Record<string, () => Scenario> = {
  reference: () => referenceScenario(window.panelFixture),
  long: () => madeUpScenario(1024, 1, 1, WORDS),
  wide: () => madeUpScenario(128, 12, 12, WORDS),
  zero: () => madeUpScenario(12, 0, 8, WORDS),
  hostile: () =>
    madeUpScenario(6, 1, 2, ['<img src=x onerror="window.hacked=1">', '<b>', '&amp;', '\t', '</span>', '"']),
};

function reduceHeads({ view, pattern }: Scenario, reduction: Reduction): PatternMatrix {
  const { tokens, nLayers, nHeads } = view.analysis;
  const values = new Float32Array(tokens.length ** 2);
  const argHead = new Uint16Array(values.length);
  for (let index = 0; index < nLayers * nHeads; index++) {
    pattern(Math.floor(index / nHeads), index % nHeads).forEach((weight, i) => {
      if (reduction === 'mean') values[i]! += weight / (nLayers * nHeads);
      else if (weight > values[i]!) [values[i], argHead[i]] = [weight, index];
    });
  }
  return { n: tokens.length, values, ...(reduction === 'max' ? { argHead } : {}) };
}

function makeThumbnails({ view, pattern }: Scenario): Thumbnails {
  const { tokens, nLayers, nHeads } = view.analysis;
  const n = tokens.length;
  const size = Math.min(n, THUMBNAIL_MAX);
  const values = new Uint8Array(nLayers * nHeads * size * size);
  for (let index = 0; index < nLayers * nHeads; index++) {
    pattern(Math.floor(index / nHeads), index % nHeads).forEach((weight, i) => {
      const row = Math.floor((Math.floor(i / n) * size) / n);
      const column = Math.floor(((i % n) * size) / n);
      const at = (index * size + row) * size + column;
      values[at] = Math.max(values[at]!, Math.round(weight * 255));
    });
  }
  return { size, values };
}

function start(): void {
  const scenario = SCENARIOS[document.body.dataset.scenario ?? 'reference']!();
  const id = scenario.view.analysis.id;
  let lastKey = '';
  const send: PanelHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.attention' } });
  const sendMatrix = (): void => {
    if (scenario.view.analysis.nLayers === 0) return;
    const key = matrixKeyOf(id, host.selection);
    if (JSON.stringify(key) === lastKey) return;
    lastKey = JSON.stringify(key);
    const matrix = key.head
      ? { n: scenario.view.analysis.tokens.length, values: scenario.pattern(key.head.layer, key.head.head) }
      : reduceHeads(scenario, key.reduction);
    send(hostToPanel.matrix, { key, matrix });
  };
  const announce = (origin: string, seq: number, delay = 0): void => {
    // what is true now, however late it arrives
    const message = { selection: host.selection, origin, seq };
    const tell = (): void => {
      send(hostToPanel.selection, message);
      sendMatrix();
    };
    if (delay > 0) setTimeout(tell, delay);
    else tell();
  };
  const receive = (message: Message): void => {
    if (message.method === panelToHost.ready) {
      send(hostToPanel.status, { kind: 'ready' });
      send(hostToPanel.view, scenario.view);
      send(hostToPanel.thumbnails, {
        analysisId: id,
        weighting: host.selection.weighting,
        thumbnails: makeThumbnails(scenario),
      });
      announce('host', 0);
    } else if (message.method === panelToHost.select) {
      const { event, seq } = message.params as PanelToHost[typeof panelToHost.select];
      host.selection = reduceSelection(host.selection, event);
      announce(PANEL_ORIGIN, seq, host.delay);
    }
  };
  const head = scenario.view.analysis.nLayers === 2 ? { layer: 1, head: 5 } : { layer: 0, head: 0 };
  const host: PanelHost = {
    sent: [],
    selection: initialSelection(head),
    state: undefined,
    delay: 0,
    send,
    select(next) {
      host.selection = next;
      announce('editor', 0);
    },
    setView: (change) => send(hostToPanel.view, { ...scenario.view, ...change }),
    pattern: (layer, at) => [...scenario.pattern(layer, at)],
  };
  window.panelHost = host;
  window.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as Message;
      host.sent.push(copy);
      setTimeout(() => receive(copy));
    },
    getState: () => host.state,
    setState: (state) => void (host.state = state),
  });
}

start();
