import type { ReportMethod } from '../protocol/reportPanel';
import type { Subject } from './reportPanel';
import { ReportPanel, type ReportDefinition, type ReportParts } from './reportPanel';

const ANALYZE_FIRST = 'Select code or text in an editor and analyze it first.';

/** Rows of the table before anything is searched. */
const BIGRAMS = 100;

/** The tokens that were analyzed: what was cut from the text stays cut. */
const idsOf = ({ analysis }: Subject): { ids: number[] } => ({ ids: analysis?.info.tokens.map(({ id }) => id) ?? [] });

const definitions: { [M in ReportMethod]: Omit<ReportDefinition<M>, 'method'> } = {
  paths: {
    title: 'Paths',
    about: 'analysis',
    initial: {},
    empty: `${ANALYZE_FIRST} The paths to a logit appear here.`,
    params: ({ token }, subject, { locked }) => ({
      ...idsOf(subject),
      ...(locked.destination === undefined ? {} : { position: locked.destination }),
      ...(token ? { token } : {}),
    }),
  },
  lens: {
    title: 'Logit Lens',
    about: 'analysis',
    initial: {},
    empty: `${ANALYZE_FIRST} What every layer would predict appears here.`,
    params: (_, subject) => idsOf(subject),
  },
  bigrams: {
    title: 'Bigrams',
    about: 'checkpoint',
    initial: { top: BIGRAMS },
    empty: 'Open a checkpoint: what follows what by its direct path appears here.',
    params: (question) => question,
  },
  importance: {
    title: 'Term Importance',
    about: 'analysis',
    initial: {},
    empty: `${ANALYZE_FIRST} Which paths the loss needs appears here.`,
    params: (_, subject) => idsOf(subject),
  },
  patch: {
    title: 'Activation Patching',
    about: 'checkpoint',
    portable: true,
    empty: 'Run “Circuitscope: Activation Patching…” and give two prompts of equally many tokens.',
    params: (question) => question,
  },
  ablate: {
    title: 'Ablation',
    about: 'analysis',
    empty: `${ANALYZE_FIRST} Then run “Circuitscope: Ablate Heads…”.`,
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
