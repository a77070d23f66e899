/** Plays the extension host for the latents panel inside the page. `window.panelHost` is what a test reads and calls. */
import type { Token } from '../../../src/protocol/analysis';
import type { CheckpointInfo } from '../../../src/protocol/checkpoint';
import type { LatentCard, TokenValue } from '../../../src/protocol/latents/card';
import type { Encoding } from '../../../src/protocol/latents/encoding';
import {
  hostToLatents,
  LATENTS_ORIGIN,
  latentsToHost,
  type LatentsToHost,
  type LatentsView,
  type OfLatent,
} from '../../../src/protocol/latentsPanel';
import { initialSelection, reduceSelection } from '../../../src/protocol/selection';
import { corpusOf, encodingOf } from './latentsEncoding';
import type { LatentsFixture, LatentsHost, LatentsMessage } from './latentsTypes';

const page = window as unknown as {
  panelFixture: LatentsFixture;
  panelHost: LatentsHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

const checkpoint: CheckpointInfo = {
  id: 'checkpoint',
  name: 'neox-6l',
  path: '/samples/neox-6l',
  architecture: 'gpt_neox',
  nLayers: 6,
  nHeads: 6,
  nKeyValueHeads: 6,
  dModel: 192,
  dHead: 32,
  dMlp: 768,
  nCtx: 512,
  dVocab: 4096,
  nParams: 4_200_000,
  bytes: 8_400_000,
  dtypes: ['F16'],
  hasTokenizer: true,
  provider: 'cpu',
  providerNotes: [],
  notices: [],
  loadMs: 20,
};

function viewOf(fixture: LatentsFixture, tokens: Token[], encoding: Encoding): LatentsView {
  return {
    checkpoint,
    sae: {
      id: 'sae',
      checkpointId: 'checkpoint',
      path: '/samples/mlsae-neox-6l-x16-k16',
      name: 'mlsae-neox-6l-x16-k16',
      label: 'mlsae ×16 k16',
      format: 'mlsae',
      activation: 'topk',
      nInputs: 192,
      nLatents: encoding.nLatents,
      k: encoding.k,
      layers: encoding.layers,
      standardize: true,
      tunedLens: false,
      bytes: 2_400_000,
      notices: [],
    },
    analysis: {
      id: `analysis-${tokens.length}`,
      checkpointId: 'checkpoint',
      tokens,
      nLayers: 6,
      nHeads: 6,
      provider: 'cpu',
      timings: { load: 0, run: 38 },
      surprisal: new Float32Array(tokens.length),
      predictions: tokens.map(() => []),
      notices: [],
      totalTokens: tokens.length,
    },
    text: fixture.prompt.text,
    sourceName: 'total.ts:4–9',
    stale: false,
    encoding,
    names: { 555: { name: 'function name' } },
  };
}

/** Made up: many layers and tokens, two latents a place. */
function longEncoding(nTokens: number, nLayers: number): Encoding {
  const k = 2;
  const size = nLayers * nTokens * k;
  const values = Float32Array.from({ length: size }, (_, i) => 4 - (i % k) - 3 * Math.abs(Math.sin(i * 0.7)) * 0.9);
  const indices = Int32Array.from({ length: size }, (_, i) => (Math.floor(i / k) * 7 + (i % k) * 911) % 3000);
  const base64 = (array: ArrayBufferView<ArrayBuffer>): string =>
    btoa(String.fromCharCode(...new Uint8Array(array.buffer)));
  const latents = { nTokens, indices: '', values: '' };
  const chunked = (array: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): string => {
    let text = '';
    for (let i = 0; i < array.length; i += 1020) text += base64(array.slice(i, i + 1020));
    return text;
  };
  latents.indices = chunked(indices);
  latents.values = chunked(values);
  return encodingOf({ ...page.panelFixture, nLayers, k, latents });
}

/** Made up, in the sizes of real ones. */
function cardOf(latent: number): LatentCard {
  const values = (texts: string[], first: number): TokenValue[] =>
    texts.map((text, i) => ({ id: i, text, value: first * (1 - i * 0.05) }));
  return {
    latent,
    promoted: values(['PURE', '._', '("./', '("../', '.'], 0.63),
    suppressed: values(['":', '">', '>}', '>)', "':"], -0.69),
    nearestInput: values([' add', ' sum'], 0.31),
    nearestOutput: values(['(', ' add'], 0.22),
    nearestLatents: [{ latent: 555, cosine: 0.41 }],
    writers: [
      { layer: 3, head: 0, score: 0.19 },
      { layer: 3, head: 3, score: 0.14 },
    ],
    readers: [
      { layer: 4, head: 0, kind: 'K', score: 0.14 },
      { layer: 5, head: 3, kind: 'K', score: 0.13 },
    ],
    chance: 1 / Math.sqrt(192),
    notices: [],
  };
}

function start(): void {
  const scenario = document.body.dataset['scenario'];
  const fixture = page.panelFixture;
  const long = scenario === 'long';
  const tokens = long
    ? Array.from({ length: 512 }, (_, i) => ({ id: i, text: ` t${i}`, start: i, end: i + 1 }))
    : fixture.prompt.tokens;
  const view = viewOf(fixture, tokens, long ? longEncoding(512, 24) : encodingOf(fixture));
  const send: LatentsHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.latents' } });
  const announce = (origin: string, seq: number): void =>
    send(hostToLatents.selection, { selection: host.selection, origin, seq });
  const receive = ({ method, params }: LatentsMessage): void => {
    switch (method) {
      case latentsToHost.ready:
        if (scenario === 'zero') {
          send(hostToLatents.status, { kind: 'empty', message: 'No SAE is open.', commands: ['openSae'] });
          return;
        }
        send(hostToLatents.view, view);
        announce('host', 0);
        send(hostToLatents.corpus, null);
        send(hostToLatents.status, { kind: 'ready' });
        return;
      case latentsToHost.select: {
        const { event, seq } = params as LatentsToHost[typeof latentsToHost.select];
        host.selection = reduceSelection(host.selection, event);
        announce(LATENTS_ORIGIN, seq);
        return;
      }
      case latentsToHost.wantCard: {
        const { latent } = params as OfLatent;
        send(hostToLatents.card, { latent, card: cardOf(latent) });
      }
    }
  };
  const host: LatentsHost = {
    sent: [],
    selection: initialSelection(),
    state: undefined,
    send,
    select(next) {
      host.selection = next;
      announce('editor', 0);
    },
    sweep: (open) => send(hostToLatents.corpus, open ? corpusOf(fixture) : null),
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as LatentsMessage;
      host.sent.push(copy);
      setTimeout(() => receive(copy));
    },
    getState: () => host.state,
    setState: (state) => void (host.state = state),
  });
}

start();
