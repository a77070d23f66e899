/** Plays the extension host for the layers panel. `window.panelHost` is what a test reads and calls. */
import {
  hostToLayers,
  LAYERS_ORIGIN,
  layersToHost,
  type LayersToHost,
  type LayersView,
} from '../../../src/protocol/layersPanel';
import { initialSelection, reduceSelection } from '../../../src/protocol/selection';
import type { LayersHost, LayersMessage } from './layersTypes';
import { unpack } from './packed';
import type { SaeData } from './saeData';

const page = window as unknown as {
  panelFixture: unknown;
  panelHost: LayersHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

/** Layers of a model of 24. */
function deep({ prompt, ...view }: LayersView): LayersView {
  if (!prompt) return view;
  const layers = Array.from({ length: 24 }, (_, layer) => layer);
  const perLayer = layers.map((layer) => ({ ...prompt.perLayer[Math.floor(layer / 4)]!, layer }));
  const stretch = (values: Float64Array): Float64Array =>
    Float64Array.from({ length: 23 }, (_, i) => values[Math.floor(i / 5)]!);
  const adjacent = { plain: stretch(prompt.adjacent.plain), centred: stretch(prompt.adjacent.centred) };
  return { ...view, prompt: { ...prompt, layers, perLayer, adjacent } };
}

function viewOf({ checkpoint, sae, encoding, corpus }: SaeData, scenario: string | undefined): LayersView {
  const view: LayersView = { checkpoint, sae, sourceName: 'total.ts:4–9', stale: false, prompt: encoding };
  if (scenario === 'long') return { ...view, corpus };
  return scenario === 'wide' ? deep(view) : view;
}

function start(): void {
  const data = unpack<SaeData>(page.panelFixture);
  const { scenario } = document.body.dataset;
  const send: LayersHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.layers' } });
  const announce = (origin: string, seq: number): void =>
    send(hostToLayers.selection, { selection: host.selection, origin, seq });
  const receive = ({ method, params }: LayersMessage): void => {
    if (method === layersToHost.ready) {
      if (scenario === 'zero') {
        send(hostToLayers.status, {
          kind: 'empty',
          message: 'Open a sparse autoencoder.',
          commands: ['openSae', 'openSample'],
        });
        return;
      }
      send(hostToLayers.view, viewOf(data, scenario));
      send(hostToLayers.status, { kind: 'ready' });
      announce('host', 0);
    } else if (method === layersToHost.splice) {
      send(hostToLayers.splice, { kind: 'busy', message: 'Layer 2 of 6', fraction: 0.5 });
    } else if (method === layersToHost.command && params === 'cancel') {
      send(hostToLayers.splice, { kind: 'none' });
    } else if (method === layersToHost.select) {
      const { event, seq } = params as LayersToHost[typeof layersToHost.select];
      host.selection = reduceSelection(host.selection, event);
      announce(LAYERS_ORIGIN, seq);
    }
  };
  const host: LayersHost = {
    sent: [],
    selection: initialSelection(),
    send,
    select(next) {
      host.selection = next;
      announce('editor', 0);
    },
    spliced: () => send(hostToLayers.splice, { kind: 'ready', splice: data.splice }),
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as LayersMessage;
      host.sent.push(copy);
      setTimeout(() => receive(copy));
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
