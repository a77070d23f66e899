/** Plays the extension host for a panel that shows one answer. `window.panelHost` is what a test reads and calls. */
import type { AnalysisInfo } from '../../../src/protocol/analysis';
import {
  hostToReport,
  reportOrigin,
  type ReportSubject,
  reportToHost,
  type ReportToHost,
} from '../../../src/protocol/reportPanel';
import { initialSelection, reduceSelection } from '../../../src/protocol/selection';
import { answers } from './reportAnswers';
import type { ReportFixture, ReportHost, ReportMessage } from './reportTypes';

const page = window as unknown as {
  panelFixture: ReportFixture;
  panelHost: ReportHost;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
};

/** 1024 tokens. */
function long({ tokens, ...fixture }: ReportFixture): ReportFixture {
  const times = Math.ceil(1024 / tokens.length);
  return {
    ...fixture,
    tokens: Array.from({ length: times }, () => tokens)
      .flat()
      .slice(0, 1024),
  };
}

function subjectOf({ tokens, nLayers, nHeads, predictions }: ReportFixture): ReportSubject {
  const analysis: AnalysisInfo = {
    id: 'analysis',
    checkpointId: 'checkpoint',
    tokens,
    nLayers,
    nHeads,
    provider: 'cpu',
    timings: { load: 0, run: 38 },
    surprisal: new Float32Array(tokens.length),
    predictions: tokens.map((_, i) => predictions[i % predictions.length]!),
    notices: [],
    totalTokens: tokens.length,
  };
  const checkpoint = {
    id: 'checkpoint',
    name: 'attn-only-2l',
    path: '/samples/attn-only-2l',
    architecture: 'attn_only',
    ...{ nLayers, nHeads, nKeyValueHeads: nHeads, dModel: 256, dHead: 32, dMlp: 0, nCtx: 1024, dVocab: 4096 },
    ...{ nParams: 2_700_000, bytes: 5_400_000, dtypes: ['F16'], hasTokenizer: true, provider: 'cpu', loadMs: 20 },
    providerNotes: [],
    notices: [],
  };
  return { checkpoint, analysis, sourceName: 'total.ts:4–9', stale: false };
}

function start(): void {
  const fixture = document.body.dataset.scenario === 'long' ? long(page.panelFixture) : page.panelFixture;
  const { method, tokens } = fixture;
  let question = (method === 'ablate' ? { heads: [{ layer: 1, head: 5 }] } : {}) as never;
  let asked = '';
  const send: ReportHost['send'] = (name, params) =>
    window.postMessage({ method: name, params, receiver: { type: 'webview', webviewType: 'circuitscope.report' } });
  const answer = (): void => {
    const position = host.selection.locked.destination ?? tokens.length - 1;
    const params = { ...(question as object), position } as never;
    const key = JSON.stringify(params);
    if (key === asked) return;
    asked = key;
    send(hostToReport.status, { kind: 'busy', message: 'Running…' });
    send(hostToReport.answer, { question, result: answers[method](tokens, params) } as never);
    send(hostToReport.status, { kind: 'ready' });
  };
  const tell = (origin: string, seq: number): void => {
    send(hostToReport.selection, { selection: host.selection, origin, seq });
    answer();
  };
  const handlers: Record<string, (params: never) => void> = {
    [reportToHost.ready]: () => {
      send(hostToReport.subject, subjectOf(fixture));
      tell('host', 0);
    },
    [reportToHost.ask]: (next) => {
      question = next;
      answer();
    },
    [reportToHost.select]: ({ event, seq }: ReportToHost[typeof reportToHost.select]) => {
      host.selection = reduceSelection(host.selection, event);
      tell(reportOrigin(method), seq);
    },
  };
  const host: ReportHost = {
    sent: [],
    selection: initialSelection({ layer: 1, head: 5 }),
    send,
    select(next) {
      host.selection = next;
      tell('editor', 0);
    },
  };
  page.panelHost = host;
  page.acquireVsCodeApi = () => ({
    postMessage(message) {
      const copy = structuredClone(message) as ReportMessage;
      host.sent.push(copy);
      setTimeout(() => handlers[copy.method]?.(copy.params as never));
    },
    getState: () => undefined,
    setState: () => undefined,
  });
}

start();
