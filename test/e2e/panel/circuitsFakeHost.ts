/** Plays the extension host for the circuits panel inside the page. `window.panelHost` is what a test reads and calls. */
import type { Thumbnails } from '../../../src/protocol/analysis';
import type { CheckpointInfo } from '../../../src/protocol/checkpoint';
import {
  type Composition,
  type CompositionKind,
  compositionKinds,
  type HeadScore,
} from '../../../src/protocol/circuits';
import {
  CIRCUITS_ORIGIN,
  circuitsToHost,
  type CircuitsToHost,
  type CircuitsView,
  hostToCircuits,
} from '../../../src/protocol/circuitsPanel';
import { initialSelection, reduceSelection } from '../../../src/protocol/selection';
import type { CircuitsFixture, CircuitsHost, CircuitsMessage } from './circuitsTypes';

const page = window as unknown as {
  panelFixture: CircuitsFixture;
  panelHost: CircuitsHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

const thresholds = { previousToken: 0.5, duplicateToken: 0.5, induction: 0.5, firstToken: 0.5, ovCopying: 2 };

const checkpoint = (nLayers: number, nHeads: number): CheckpointInfo => ({
  id: 'checkpoint',
  name: 'attn-only-2l',
  path: '/samples/attn-only-2l',
  architecture: 'attn_only',
  nLayers,
  nHeads,
  nKeyValueHeads: nHeads,
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
});

const floats = (values: (number | null)[]): Float32Array => Float32Array.from(values, (value) => value ?? NaN);

function referenceView({ composition, scores }: CircuitsFixture): CircuitsView {
  const byKind = Object.fromEntries(compositionKinds.map((kind) => [kind, floats(composition.scores[kind])]));
  return {
    checkpoint: checkpoint(composition.nLayers, composition.nHeads),
    composition: { ...composition, scores: byKind as Composition['scores'] },
    scores,
    thresholds,
  };
}

/** Made up: scores around a baseline, a few pairs far above it. */
function deepView(nLayers: number, nHeads: number): CircuitsView {
  const count = nLayers * nHeads;
  const wave = (n: number): number => Math.abs(Math.sin(n * 12.9898) * 43758.5453) % 1;
  const scores = (kind: number): Float32Array =>
    Float32Array.from({ length: count * count }, (_, at) => {
      const [earlier, later] = [Math.floor(at / count), at % count];
      if (Math.floor(earlier / nHeads) >= Math.floor(later / nHeads)) return NaN;
      return 0.06 + 0.03 * (wave(at + kind * 7919) - 0.5) + (wave(at * 3 + kind) > 0.995 ? 0.15 : 0);
    });
  const heads = Array.from({ length: count }, (_, i): HeadScore => ({
    layer: Math.floor(i / nHeads),
    head: i % nHeads,
    previousToken: wave(i) ** 4,
    duplicateToken: wave(i + 100) ** 8,
    induction: i > count / 2 ? wave(i + 200) ** 6 : 0,
    firstToken: wave(i + 300) ** 2,
    entropy: 1,
    ovCopying: 2 * wave(i + 400) - 1,
    qkMatching: 2 * wave(i + 500) - 1,
  }));
  const byKind = Object.fromEntries(compositionKinds.map((kind, i) => [kind, scores(i)]));
  const baseline = Object.fromEntries(compositionKinds.map((kind) => [kind, 0.06]));
  return {
    checkpoint: checkpoint(nLayers, nHeads),
    composition: {
      nLayers,
      nHeads,
      scores: byKind as Composition['scores'],
      baseline: baseline as Record<CompositionKind, number>,
      foldNorm: true,
      notices: [],
    },
    scores: { heads, length: 50, batch: 4, seed: 0, notices: [] },
    thresholds,
  };
}

/** Prompt 0 is shorter than a thumbnail: every cell is a cell. */
function thumbnails({ prompt }: CircuitsFixture): Thumbnails {
  const bytes = Uint8Array.from(atob(prompt.patterns), (char) => char.charCodeAt(0));
  const values = Uint8Array.from(new Float32Array(bytes.buffer), (weight) => Math.round(weight * 255));
  return { size: prompt.tokens.length, values };
}

function start(): void {
  const scenario = document.body.dataset.scenario;
  const views: Record<string, () => CircuitsView> = {
    wide: () => deepView(12, 12),
    zero: () => deepView(0, 8),
  };
  const view = views[scenario ?? '']?.() ?? referenceView(page.panelFixture);
  const send: CircuitsHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.circuits' } });
  const announce = (origin: string, seq: number): void =>
    send(hostToCircuits.selection, { selection: host.selection, origin, seq });
  const receive = (message: CircuitsMessage): void => {
    if (message.method === circuitsToHost.ready) {
      send(hostToCircuits.status, { kind: 'ready' });
      send(hostToCircuits.view, view);
      if (scenario === 'reference')
        send(hostToCircuits.patterns, { sourceName: 'total.ts:4–9', thumbnails: thumbnails(page.panelFixture) });
      announce('host', 0);
    } else if (message.method === circuitsToHost.select) {
      const { event, seq } = message.params as CircuitsToHost[typeof circuitsToHost.select];
      host.selection = reduceSelection(host.selection, event);
      announce(CIRCUITS_ORIGIN, seq);
    }
  };
  const host: CircuitsHost = {
    sent: [],
    selection: initialSelection(scenario === 'reference' ? { layer: 1, head: 5 } : { layer: 0, head: 0 }),
    send,
    select(next) {
      host.selection = next;
      announce('editor', 0);
    },
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as CircuitsMessage;
      host.sent.push(copy);
      setTimeout(() => receive(copy));
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
