/** One analysis: what it is of, and where that stands now. */
import * as vscode from 'vscode';
import type { AnalysisInfo } from '../protocol/analysis';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { TrackedRanges } from './trackedRanges';

/** What is analyzed: a part of a document, a typed text, or token ids. */
export interface Source {
  /** `total.ts:4–9`, `prompt`. */
  name: string;
  text: string;
  ids?: number[];
  document?: { uri: vscode.Uri; start: number };
}

/** One checkpoint on one text. */
export interface Analysis {
  checkpoint: CheckpointInfo;
  /** Replaced when the engine had to run it again. */
  info: AnalysisInfo;
  source: Source;
  /** Where the tokens are in the document now. */
  tracked?: TrackedRanges;
  stale: boolean;
  /** Its checkpoint stands in the place of the one that it was run with: it is run again when it is shown. */
  outdated?: boolean;
}

/** The open document of an analysis. */
export const documentOf = ({ source }: Analysis): vscode.TextDocument | undefined =>
  source.document && vscode.workspace.textDocuments.find((d) => d.uri.toString() === source.document!.uri.toString());

/** What stands there. */
export const textIn =
  (document: vscode.TextDocument) =>
  ({ start, end }: { start: number; end: number }): string =>
    document.getText(new vscode.Range(document.positionAt(start), document.positionAt(end)));

export const sameTokens = (a: AnalysisInfo, b: AnalysisInfo): boolean =>
  a.tokens.length === b.tokens.length && a.tokens.every(({ id }, i) => id === b.tokens[i]!.id);

/** Of the same checkpoint on the same place or text. */
export const sameSubject = (a: Analysis, b: Analysis): boolean =>
  a.checkpoint.path === b.checkpoint.path &&
  a.source.name === b.source.name &&
  a.source.document?.uri.toString() === b.source.document?.uri.toString();

/** Of a text that was too long, the part that the model saw: the rest would only be carried about. */
export function whatWasRead({ text, ids }: Source, { tokens, totalTokens }: AnalysisInfo): string {
  if (ids || totalTokens <= tokens.length) return text;
  return text.slice(0, Math.max(0, ...tokens.map(({ end }) => end)));
}

/** What the analyzed part of the document says now. */
export async function currentSource({ source, tracked }: Analysis): Promise<Source | undefined> {
  if (!source.document || !tracked) return undefined;
  const document = await vscode.workspace.openTextDocument(source.document.uri);
  const { start, end } = tracked.range;
  return sourceOf(document, new vscode.Range(document.positionAt(start), document.positionAt(end)));
}

/** A part of a document as something to analyze. */
export function sourceOf(document: vscode.TextDocument, range: vscode.Range): Source {
  const file = document.uri.path.split('/').at(-1) ?? document.uri.toString();
  // a selection that ends before the first character of a line does not reach into that line
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  const lines = range.start.line === last ? `${last + 1}` : `${range.start.line + 1}–${last + 1}`;
  const whole = document.offsetAt(range.end) - document.offsetAt(range.start) === document.getText().length;
  return {
    name: whole ? file : `${file}:${lines}`,
    text: document.getText(range),
    document: { uri: document.uri, start: document.offsetAt(range.start) },
  };
}
