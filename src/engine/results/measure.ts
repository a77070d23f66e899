/** Key numbers of what a panel shows: few, named, the same whenever they are measured. */
import * as l10n from '@vscode/l10n';
import { headName, type HeadRef } from '../../protocol/checkpoint';
import { compositionKinds, type Composition, type HeadScore } from '../../protocol/circuits';
import type { EngineRequests } from '../../protocol/engine';
import type { ResultNumbers, ResultPanel, ResultView } from '../../protocol/resultFile';
import type { MeasureParams } from '../../protocol/results';
import { InputError } from '../checkpoint/errors';
import { compared, type CompareMeasure } from './compare';
import { bigrams, layers, patch } from './more';
import { byAbsolute, HEAD_SCORES, named, prompt, saeOf, type Section } from './sections';

/** The requests that numbers come from. */
export type MeasureMethod =
  | 'analyze'
  | 'closeAnalysis'
  | 'pattern'
  | 'headScores'
  | 'composition'
  | 'paths'
  | 'lens'
  | 'importance'
  | 'ablate'
  | 'bigrams'
  | 'patch'
  | 'encode'
  | 'splice'
  | CompareMeasure;
export type Ask = <M extends MeasureMethod>(method: M, params: EngineRequests[M][0]) => Promise<EngineRequests[M][1]>;

export interface Measuring {
  ask: Ask;
  params: MeasureParams;
  nLayers: number;
  /** Entries of a list that is ranked. */
  top: number;
  /** Gets what could not be measured. */
  notices: string[];
}

/** What a saved list has, and one in which its entries are looked for. */
export const LISTED = { saved: 8, wide: 60 };

/** `L1H5` as layer and head. It has been checked to be one. */
export function headOf(name: string): HeadRef {
  const [, layer, head] = /^L(\d+)H(\d+)$/.exec(name) ?? [];
  if (layer === undefined || head === undefined)
    throw new InputError(l10n.t('“{0}” is no head; expected one such as L1H5.', name));
  return { layer: Number(layer), head: Number(head) };
}

const PANELS: Record<ResultPanel, (m: Measuring) => Promise<ResultNumbers>> = {
  attention: async (m) => ({ ...(await sources(m)), ...(await scores(m, [m.params.view.head])) }),
  circuits: async (m) => {
    const { earlier, later, head } = m.params.view;
    return { ...(await composition(m)), ...(await scores(m, [earlier, later, head])) };
  },
  paths: async ({ ask, params, top }) => {
    const { token, destination } = params.view;
    const { terms, logit } = await ask('paths', {
      ...prompt(params),
      ...(destination !== undefined && { position: destination }),
      ...(token !== undefined && { token: { id: token } }),
    });
    return { logit: { logit }, terms: named(terms.slice(0, top), ({ name, value }) => [name, value]) };
  },
  lens: async ({ ask, params }) => {
    const { stages, answerP, tokens } = await ask('lens', prompt(params));
    const at = params.view.destination ?? tokens.length - 1;
    return { lens: named(stages, ({ label }, i) => [label, answerP[i * tokens.length + at]!]) };
  },
  importance: async ({ ask, params, top }) => {
    const { orders, terms } = await ask('importance', prompt(params));
    return {
      orders: named(orders, ({ n, loss }) => [`n = ${n}`, loss]),
      termEffects: named(
        byAbsolute(terms, ({ effect }) => effect, top),
        ({ name, effect }) => [name, effect],
      ),
    };
  },
  ablate: async ({ ask, params }) => {
    const { heads = [], mean = false } = params.view;
    const { before, after } = await ask('ablate', { ...prompt(params), heads: heads.map(headOf), mean });
    return { ablation: { before: before.loss, after: after.loss } };
  },
  bigrams,
  patch,
  layers,
  compare: compared,
  latents: async ({ ask, params, top }) => {
    const { ids, view } = params;
    const { active, perLayer } = await ask('encode', { saeId: saeOf(params), ids });
    const all = Array.from(active.latent, (latent, i) => ({ latent, max: active.max[i]! }));
    const chosen = all.filter(({ latent }) => latent === view.latent);
    return {
      latents: named([...all.slice(0, top), ...chosen], ({ latent, max }) => [`#${latent}`, max]),
      fvu: named(perLayer, ({ layer, fvu }) => [`L${layer}`, fvu]),
    };
  },
};

/** The numbers of a view. @throws InputError for a head, latent or position that the model does not have */
export const measureView = (m: Measuring): Promise<ResultNumbers> => PANELS[m.params.view.panel](m);

/** Surprisal and next tokens after the last token and after the one that is looked at; the strongest sources of that one. */
async function sources({ ask, params, nLayers, top }: Measuring): Promise<ResultNumbers> {
  const { ids, view, checkpointId } = params;
  const info = await ask('analyze', { checkpointId, ids, topK: top });
  try {
    const last = ids.length - 1;
    const at = view.destination ?? last;
    const known = info.surprisal.filter((bits) => !Number.isNaN(bits));
    const numbers: ResultNumbers = {
      ...(known.length > 0 && { loss: { mean: known.reduce((sum, bits) => sum + bits, 0) / known.length } }),
      ...(info.predictions.length > 0 && {
        nextTokens: Object.fromEntries(
          [...new Set([at, last])].flatMap((position) =>
            info.predictions[position]!.map(({ id, text, p }) => [`after ${position}: ${text} (#${id})`, p]),
          ),
        ),
      }),
    };
    if (nLayers === 0) return numbers;
    return { ...numbers, sources: await strongest(ask, view, info.id, at, top) };
  } finally {
    await ask('closeAnalysis', { analysisId: info.id });
  }
}

async function strongest(ask: Ask, view: ResultView, analysisId: string, at: number, top: number): Promise<Section> {
  const { reduction = 'one', weighting = 'pattern' } = view;
  const head = reduction === 'one' ? { head: headOf(view.head ?? 'L0H0') } : {};
  const { n, values } = await ask('pattern', { analysisId, reduction, weighting, ...head });
  const row = Array.from(values.subarray(at * n, at * n + at + 1), (weight, source) => ({ weight, source }));
  const most = row.sort((a, b) => b.weight - a.weight || a.source - b.source).slice(0, top);
  const locked = view.source === undefined ? [] : row.filter(({ source }) => source === view.source);
  return named([...most, ...locked], ({ source, weight }) => [`${at} → ${source}`, weight]);
}

async function scores(
  { ask, params, nLayers, notices }: Measuring,
  names: (string | undefined)[],
): Promise<ResultNumbers> {
  const wanted = new Set(names);
  if (!params.scores || nLayers === 0) return {};
  const found = await ask('headScores', { checkpointId: params.checkpointId }).catch((error: unknown) => {
    // of a foreign graph whose weights were not found the rest can be measured
    if (!(error instanceof InputError)) throw error;
    notices.push(error.message);
  });
  if (!found) return {};
  const entries = (score: HeadScore): [string, number][] =>
    HEAD_SCORES.map((name) => [`${headName(score)} ${name}`, score[name]]);
  return {
    headScores: Object.fromEntries(found.heads.filter((score) => wanted.has(headName(score))).flatMap(entries)),
  };
}

/** The strongest of each kind above its baseline, and the one that is locked. */
async function composition({ ask, params, top }: Measuring): Promise<ResultNumbers> {
  const result = await ask('composition', { checkpointId: params.checkpointId });
  const { earlier, later, kind } = params.view;
  const locked = earlier && later && kind && `${earlier} → ${later} ${kind}`;
  const all = compositionKinds.flatMap((each) => pairs(result, each, top));
  const extra = compositionKinds.flatMap((each) => pairs(result, each, Infinity)).filter(([name]) => name === locked);
  return { composition: Object.fromEntries([...all, ...extra]) };
}

function pairs({ nLayers, nHeads, scores }: Composition, kind: 'Q' | 'K' | 'V', top: number): [string, number][] {
  const n = nLayers * nHeads;
  const name = (i: number): string => headName({ layer: Math.floor(i / nHeads), head: i % nHeads });
  return Array.from(scores[kind], (score, at): [string, number] => [
    `${name(Math.floor(at / n))} → ${name(at % n)} ${kind}`,
    score,
  ])
    .filter(([, score]) => !Number.isNaN(score))
    .sort(([, a], [, b]) => b - a)
    .slice(0, top);
}
