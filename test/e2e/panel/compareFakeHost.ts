/** Plays the extension host for the compare panel. `window.panelHost` is what a test reads and calls. */
import {
  COMPARE_ORIGIN,
  compareToHost,
  type CompareToHost,
  type CompareSection,
  type CompareView,
  hostToCompare,
  type SectionMessage,
} from '../../../src/protocol/comparePanel';
import { initialSelection, reduceSelection } from '../../../src/protocol/selection';
import type { CompareData, CompareHost, CompareMessage } from './compareTypes';
import { unpack } from './packed';

const page = window as unknown as {
  panelFixture: unknown;
  panelHost: CompareHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

/** Names with markup in them; nothing of it may be more than text. */
const hostile = (view: CompareView): CompareView => ({
  ...view,
  a: { ...view.a, name: '<img src=x onerror="window.hacked=1">' },
});

function start(): void {
  const data = unpack<CompareData>(page.panelFixture);
  const { scenario } = document.body.dataset;
  let sentHead = '';
  const send: CompareHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.compare' } });
  const sendPattern = (): void => {
    const { head, weighting } = host.selection;
    const wanted = JSON.stringify([head, weighting]);
    if (wanted === sentHead) return;
    sentHead = wanted;
    const pattern = data.heads[head.layer * data.view.a.nHeads + head.head]!;
    send(hostToCompare.pattern, { weighting, pattern });
  };
  const announce = (origin: string, seq: number): void => {
    send(hostToCompare.selection, { selection: host.selection, origin, seq });
    sendPattern();
  };
  const sendSection = (section: CompareSection): void => {
    if (scenario === 'zero' && section === 'latents')
      send(hostToCompare.section, {
        section,
        state: { kind: 'empty', message: 'Open a sparse autoencoder.', commands: ['openSae'] },
      });
    else send(hostToCompare.section, { section, state: { kind: 'ready', result: data[section] } } as SectionMessage);
  };
  const begin = (section: CompareSection): void => {
    if (scenario === 'zero' && section === 'patterns') {
      send(hostToCompare.status, {
        kind: 'empty',
        message: 'Choose two checkpoints.',
        commands: ['compareCheckpoint', 'openCheckpoint'],
      });
      return;
    }
    send(hostToCompare.steps, host.steps);
    send(hostToCompare.view, scenario === 'hostile' ? hostile(data.view) : data.view);
    send(hostToCompare.status, { kind: 'ready' });
    announce('host', 0);
    sendSection(section);
  };
  const receive = ({ method, params }: CompareMessage): void => {
    if (method === compareToHost.ready) begin((params as CompareToHost[typeof compareToHost.ready]).section);
    else if (method === compareToHost.show) sendSection(params as CompareSection);
    else if (method === compareToHost.select) {
      const { event, seq } = params as CompareToHost[typeof compareToHost.select];
      host.selection = reduceSelection(host.selection, event);
      announce(COMPARE_ORIGIN, seq);
    } else if (method === compareToHost.goToStep) {
      host.steps = { ...host.steps, target: params as number };
      send(hostToCompare.steps, host.steps);
    }
  };
  const host: CompareHost = {
    sent: [],
    selection: initialSelection({ layer: 4, head: 2 }),
    steps: data.steps,
    send,
    select(next) {
      host.selection = next;
      announce('editor', 0);
    },
    arrive() {
      const { steps, target = host.steps.current } = host.steps;
      host.steps = { steps, current: target };
      send(hostToCompare.steps, host.steps);
    },
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as CompareMessage;
      host.sent.push(copy);
      setTimeout(() => receive(copy));
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
