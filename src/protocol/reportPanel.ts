/**
 * Host ↔ the panels that show one answer of the engine each (paths, logit lens, …), over vscode-messenger. A panel asks a
 * question; the host adds what the question is about (checkpoint, text, locked token), asks the engine and sends the answer.
 */
import type { AnalysisInfo } from './analysis';
import type { PanelCommand, PanelStatus, SelectionMessage } from './attentionPanel';
import type { CheckpointInfo } from './checkpoint';
import type { CircuitRequests } from './circuits';
import type { TokenLatents } from './latents/tokenLatents';
import type { SelectionEvent } from './selection';

/** Engine methods that have a panel, and what of their parameters the panel chooses. */
export interface ReportQuestions {
  paths: Pick<CircuitRequests['paths'][0], 'token'>;
  lens: object;
  bigrams: Pick<CircuitRequests['bigrams'][0], 'token' | 'top'>;
  importance: object;
  patch: Pick<CircuitRequests['patch'][0], 'clean' | 'corrupted' | 'answer' | 'wrong'>;
  ablate: Pick<CircuitRequests['ablate'][0], 'heads' | 'mean'>;
}
export type ReportMethod = keyof ReportQuestions;

/** What the panel is about. */
export interface ReportSubject {
  checkpoint: CheckpointInfo;
  /** Of panels about a text. */
  analysis?: AnalysisInfo;
  /** e.g. `total.ts:4–9`, or `prompt`. */
  sourceName?: string;
  /** The document changed after the analysis. */
  stale: boolean;
}

export interface ReportAnswer<M extends ReportMethod> {
  question: ReportQuestions[M];
  result: CircuitRequests[M][1];
}

export type SaveFormat = 'csv' | 'json' | 'png';
/** A file that the panel made; the host asks where to. */
export interface SavedFile {
  /** Without folder and ending. */
  name: string;
  format: SaveFormat;
  content: string | Uint8Array;
}

/** Host → panel notifications. */
export const hostToReport = {
  status: 'report/status',
  subject: 'report/subject',
  answer: 'report/answer',
  selection: 'report/selection',
  latents: 'report/latents',
} as const;
export interface HostToReport<M extends ReportMethod = ReportMethod> {
  [hostToReport.status]: PanelStatus;
  [hostToReport.subject]: ReportSubject;
  [hostToReport.answer]: ReportAnswer<M>;
  [hostToReport.selection]: SelectionMessage;
  /** `null`: no autoencoder. */
  [hostToReport.latents]: TokenLatents | null;
}

/** Panel → host notifications. */
export const reportToHost = {
  ready: 'report/ready',
  ask: 'report/ask',
  select: 'report/select',
  command: 'report/command',
  save: 'report/save',
  copy: 'report/copy',
} as const;
export interface ReportToHost<M extends ReportMethod = ReportMethod> {
  /** The script runs: send everything. */
  [reportToHost.ready]: null;
  /** Another question, or the same once more. */
  [reportToHost.ask]: ReportQuestions[M];
  [reportToHost.select]: { event: SelectionEvent; seq: number };
  [reportToHost.command]: PanelCommand;
  [reportToHost.save]: SavedFile;
  /** Text for the clipboard. */
  [reportToHost.copy]: string;
}

/** `origin` of a panel's own selection events. */
export const reportOrigin = (method: ReportMethod): string => `${method}Panel`;
