/** Plays the extension host for the training panel. `window.panelHost` is what a test reads and calls. */
import { hostToTraining, trainingToHost } from '../../../src/protocol/trainingPanel';
import { trainingData } from './trainingData';
import type { TrainingHost, TrainingMessage } from './trainingTypes';

const page = window as unknown as {
  panelHost: TrainingHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

function start(): void {
  const data = trainingData(document.body.dataset.scenario);
  const send: TrainingHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.training' } });
  const host: TrainingHost = {
    sent: [],
    trainings: data.trainings,
    send,
    change(dir, change) {
      host.trainings = host.trainings.map((info) => (info.dir === dir ? { ...info, ...change } : info));
      send(hostToTraining.trainings, host.trainings);
    },
  };
  const receive = ({ method }: TrainingMessage): void => {
    if (method !== trainingToHost.ready) return;
    data.points.forEach((points) => send(hostToTraining.points, points));
    data.attention.forEach((attention) => send(hostToTraining.attention, attention));
    send(hostToTraining.trainings, host.trainings);
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as TrainingMessage;
      host.sent.push(copy);
      setTimeout(() => receive(copy));
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
