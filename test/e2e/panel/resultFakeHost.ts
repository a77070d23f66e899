/** Plays the extension host for the page of a saved result. `window.panelHost` is what a test reads and calls. */
import { hostToResult, resultToHost, type ResultAction, type ResultPage } from '../../../src/protocol/resultPage';
import type { ResultHost } from './resultTypes';

const page = window as unknown as {
  panelFixture: ResultPage;
  panelHost: ResultHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

const BROKEN: ResultPage = {
  file: 'head.circuitscope.json',
  result: { error: 'head.circuitscope.json: ids is missing, a list of token ids was expected.' },
};

function start(): void {
  const { scenario } = document.body.dataset;
  const send = (view: ResultPage): void =>
    window.postMessage({
      method: hostToResult.page,
      params: view,
      receiver: { type: 'webview', webviewType: 'circuitscope.result' },
    });
  const host: ResultHost = { sent: [], send };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const { method, params } = structuredClone(message) as { method: string; params: ResultAction };
      if (method === resultToHost.ready) setTimeout(() => send(scenario === 'hostile' ? BROKEN : page.panelFixture));
      else host.sent.push(params);
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
