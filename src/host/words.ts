import * as vscode from 'vscode';
import type { NamedScore } from '../protocol/circuits';
import { OTHER_FOLDER } from '../protocol/latents/corpus';

/** Counts and names that several views say, in the person's language. */
const said = (n: number): string => n.toLocaleString('en-US');

export const tokenCount = (n: number): string =>
  n === 1 ? vscode.l10n.t('{0} token', said(n)) : vscode.l10n.t('{0} tokens', said(n));

export const headCount = (n: number): string =>
  n === 1 ? vscode.l10n.t('{0} head', said(n)) : vscode.l10n.t('{0} heads', said(n));

export const textCount = (n: number): string =>
  n === 1 ? vscode.l10n.t('{0} text', said(n)) : vscode.l10n.t('{0} texts', said(n));

/** Names of heads. */
export const headNameLabels: Record<NamedScore, string> = {
  previousToken: vscode.l10n.t('prev token'),
  duplicateToken: vscode.l10n.t('duplicate'),
  induction: vscode.l10n.t('induction'),
  firstToken: vscode.l10n.t('first token'),
  ovCopying: vscode.l10n.t('copying'),
};

/** `layers 0–5`, `layer 3`. */
export const layersRead = (layers: readonly number[]): string =>
  layers.length > 1
    ? vscode.l10n.t('layers {0}–{1}', layers[0] ?? '', layers.at(-1) ?? '')
    : vscode.l10n.t('layer {0}', layers[0] ?? '');

/** `A whole number from 0 to 5.` */
export const wholeNumber = (least: number, most: number): string =>
  vscode.l10n.t('A whole number from {0} to {1}.', least, most);

export const notEmpty = (): string => vscode.l10n.t('Something must stand here.');

/** The line of a picker that leads to a dialog. */
export const browseLine = (): string => `$(folder-opened) ${vscode.l10n.t('Browse…')}`;

export const globPrompt = (folder: string): string =>
  vscode.l10n.t(
    'Files below {0}: a glob. .jsonl, .jsonl.zst and .parquet have a text a row, others are one text each.',
    folder,
  );

/** `CSV could not be written: …`. */
export const notWritten = (file: string, error: unknown): string =>
  vscode.l10n.t('{0} could not be written: {1}', file, error instanceof Error ? error.message : String(error));

/** Whether the engine's sentence says that the folder has results of something else; in the person's language or, of older ones, English. */
export const wantsOtherFolder = (message: string): boolean =>
  [OTHER_FOLDER, vscode.l10n.t('give another folder, or delete it.')].some((end) => message.endsWith(end));
