import * as vscode from 'vscode';
import type { ReportMethod } from '../protocol/reportPanel';
import type { Subject } from './reportPanel';
import { ReportPanel, type ReportDefinition, type ReportParts } from './reportPanel';

/** Rows of the table before anything is searched, and of the list of one token, as the panel asks. */
export const BIGRAMS = { all: 100, one: 500 };

/** The tokens that were analyzed: what was cut from the text stays cut. */
const idsOf = ({ analysis }: Subject): { ids: number[] } => ({ ids: analysis?.info.tokens.map(({ id }) => id) ?? [] });

const definitions: { [M in ReportMethod]: Omit<ReportDefinition<M>, 'method'> } = {
  paths: {
    title: vscode.l10n.t('Paths'),
    about: 'analysis',
    initial: {},
    empty: vscode.l10n.t('Select code or text in an editor and analyze it first. The paths to a logit appear here.'),
    params: ({ token }, subject, { locked }) => ({
      ...idsOf(subject),
      ...(locked.destination === undefined ? {} : { position: locked.destination }),
      ...(token ? { token } : {}),
    }),
  },
  lens: {
    title: vscode.l10n.t('Logit Lens'),
    about: 'analysis',
    initial: {},
    empty: vscode.l10n.t(
      'Select code or text in an editor and analyze it first. What every layer would predict appears here.',
    ),
    params: (_, subject) => idsOf(subject),
  },
  bigrams: {
    title: vscode.l10n.t('Bigrams'),
    about: 'checkpoint',
    initial: { top: BIGRAMS.all },
    empty: vscode.l10n.t('Open a checkpoint: what follows what by its direct path appears here.'),
    params: (question) => question,
  },
  importance: {
    title: vscode.l10n.t('Term Importance'),
    about: 'analysis',
    initial: {},
    empty: vscode.l10n.t(
      'Select code or text in an editor and analyze it first. Which paths the loss needs appears here.',
    ),
    params: (_, subject) => idsOf(subject),
  },
  patch: {
    title: vscode.l10n.t('Activation Patching'),
    about: 'checkpoint',
    portable: true,
    empty: vscode.l10n.t('Run “Circuitscope: Activation Patching…” and give two prompts of equally many tokens.'),
    params: (question) => question,
  },
  ablate: {
    title: vscode.l10n.t('Ablation'),
    about: 'analysis',
    empty: vscode.l10n.t(
      'Select code or text in an editor and analyze it first. Then run “Circuitscope: Ablate Heads…”.',
    ),
    params: (question, subject) => ({ ...question, ...idsOf(subject) }),
  },
};

export type Reports = { [M in ReportMethod]: ReportPanel<M> };

/** One panel for every question. They open when they are shown first. */
export function createReports(parts: ReportParts): Reports {
  const make = <M extends ReportMethod>(method: M): ReportPanel<M> =>
    new ReportPanel<M>(parts, { method, ...definitions[method] });
  return {
    paths: make('paths'),
    lens: make('lens'),
    bigrams: make('bigrams'),
    importance: make('importance'),
    patch: make('patch'),
    ablate: make('ablate'),
  };
}
