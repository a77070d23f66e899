/** Plays the extension host for the page of a `.safetensors` file. `window.panelHost` is what a test reads and calls. */
import {
  type Answer,
  hostToSafetensors,
  safetensorsToHost,
  type SafetensorsToHost,
  type ShownFile,
} from '../../../src/protocol/safetensorsEditor';
import type { TensorEntry } from '../../../src/protocol/tensors';
import { unpack } from './packed';
import { heatmapKey, type SafetensorsData, type SafetensorsHost, type SafetensorsMessage } from './safetensorsTypes';

const page = window as unknown as {
  panelFixture: unknown;
  panelHost: SafetensorsHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

/** 400 layers of 25 tensors. */
const many = (): TensorEntry[] =>
  Array.from({ length: 10_000 }, (_, i) => ({
    name: `model.layers.${Math.floor(i / 25)}.mlp.experts.${i % 25}.down_proj.weight`,
    dtype: 'BF16',
    shape: [1024, 4096],
    bytes: 2 ** 23,
    offset: i * 2 ** 23,
  }));

function fileOf({ file }: SafetensorsData, scenario: string | undefined): Answer<ShownFile> {
  if (scenario === 'hostile') {
    const message = `${file.path} is truncated: its header is 1024 bytes long, but only 4 bytes follow the length.`;
    return { kind: 'error', message };
  }
  if (scenario === 'zero')
    return { kind: 'ready', value: { ...file, tensors: [], metadata: {}, shards: [], hasConfig: false } };
  if (scenario === 'long') return { kind: 'ready', value: { ...file, tensors: many() } };
  return { kind: 'ready', value: file };
}

function start(): void {
  const data = unpack<SafetensorsData>(page.panelFixture);
  const { scenario } = document.body.dataset;
  const send: SafetensorsHost['send'] = (method, params) =>
    window.postMessage({ method, params, receiver: { type: 'webview', webviewType: 'circuitscope.safetensors' } });
  const receive = ({ method, params }: SafetensorsMessage): void => {
    if (method === safetensorsToHost.ready) send(hostToSafetensors.file, fileOf(data, scenario));
    else if (method === safetensorsToHost.askSummary) {
      const { seq, name, all } = params as SafetensorsToHost[typeof safetensorsToHost.askSummary];
      const value = data.summaries[name];
      const say = (answer: Answer<NonNullable<typeof value>>): void => send(hostToSafetensors.summary, { seq, answer });
      if (!value) say({ kind: 'error', message: data.failures[name] ?? 'unknown' });
      // as if it were too large to be read at once
      else if (scenario === 'wide' && all) say({ kind: 'busy', message: 'Statistics', fraction: 0.25 });
      else say({ kind: 'ready', value: scenario === 'wide' ? { ...value, count: 4e9 } : value });
    } else if (method === safetensorsToHost.askHeatmap) {
      const { seq, ...question } = params as SafetensorsToHost[typeof safetensorsToHost.askHeatmap];
      const value = data.heatmaps[heatmapKey(question)];
      const answer: Answer<NonNullable<typeof value>> = value
        ? { kind: 'ready', value }
        : { kind: 'error', message: data.failures[question.name] ?? `${heatmapKey(question)} is not in the fixture.` };
      send(hostToSafetensors.heatmap, { seq, answer });
    } else if (method === safetensorsToHost.cancel && params === 'summary') {
      const last = host.sent.findLast(({ method: asked }) => asked === safetensorsToHost.askSummary);
      const { seq } = last!.params as { seq: number };
      send(hostToSafetensors.summary, { seq, answer: { kind: 'cancelled' } });
    }
  };
  const host: SafetensorsHost = {
    sent: [],
    send,
    shorten() {
      const { file } = data;
      data.file = { ...file, tensors: file.tensors.slice(0, -1), version: file.version + 1 };
      send(hostToSafetensors.file, { kind: 'busy', message: 'Reading the header' });
      send(hostToSafetensors.file, { kind: 'ready', value: data.file });
    },
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as SafetensorsMessage;
      host.sent.push(copy);
      setTimeout(() => receive(copy));
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
