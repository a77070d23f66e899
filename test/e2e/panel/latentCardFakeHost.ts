/** Plays the extension host for the card of a latent, with what the real engine says. `window.panelHost` is what a test reads and calls. */
import type { LatentNames } from '../../../src/protocol/latents/names';
import {
  hostToLatents,
  LATENTS_ORIGIN,
  latentsToHost,
  type LatentsToHost,
  type LatentsView,
} from '../../../src/protocol/latentsPanel';
import { initialSelection, reduceSelection } from '../../../src/protocol/selection';
import type { LatentCardHost, LatentCardMessage } from './latentCardTypes';
import { unpack } from './packed';
import type { SaeData } from './saeData';

const page = window as unknown as {
  panelFixture: unknown;
  panelHost: LatentCardHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

/** `wide`: the requests fail. `long`: a sweep is open. */
function start(): void {
  const data = unpack<SaeData>(page.panelFixture);
  const { scenario } = document.body.dataset;
  const { checkpoint, sae, analysis, text, encoding, card, corpus, examples, added, ablated } = data;
  const names: LatentNames = { 604: { name: 'function that is called', note: 'also its arguments' } };
  const view: LatentsView = {
    ...{ checkpoint, sae, analysis, text, encoding, names },
    sourceName: 'total.ts:4–9',
    stale: false,
  };
  const send: LatentCardHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.latents' } });
  const announce = (origin: string, seq: number): void =>
    send(hostToLatents.selection, { selection: host.selection, origin, seq });
  const fails = scenario === 'wide';
  const answers: { [K in keyof LatentsToHost]?: (params: LatentsToHost[K]) => void } = {
    [latentsToHost.ready]: () => {
      send(hostToLatents.view, view);
      announce('host', 0);
      send(hostToLatents.corpus, scenario === 'long' ? corpus : null);
      send(hostToLatents.status, { kind: 'ready' });
    },
    [latentsToHost.select]: ({ event, seq }) => {
      host.selection = reduceSelection(host.selection, event);
      announce(LATENTS_ORIGIN, seq);
    },
    [latentsToHost.wantCard]: ({ latent }) => {
      if (fails) send(hostToLatents.card, { latent, error: 'The engine ran out of memory.' });
      else send(hostToLatents.card, { latent, card: { ...card, latent } });
    },
    [latentsToHost.wantExamples]: ({ latent }) =>
      send(hostToLatents.examples, { latent, examples: { ...examples, latent } }),
    [latentsToHost.rename]: ({ latent, ...name }) => {
      names[latent] = name;
      send(hostToLatents.names, { ...names });
    },
  };
  const host: LatentCardHost = {
    sent: [],
    selection: { ...initialSelection(), latent: 604, locked: { destination: 27 } },
    send,
    select(next) {
      host.selection = next;
      announce('editor', 0);
    },
    steered(question) {
      if (fails) send(hostToLatents.steering, { ...question, error: 'The engine ran out of memory.' });
      else send(hostToLatents.steering, { ...question, result: question.edit.kind === 'add' ? added : ablated });
    },
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as LatentCardMessage;
      host.sent.push(copy);
      setTimeout(() => (answers[copy.method] as ((params: unknown) => void) | undefined)?.(copy.params));
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
