/** The numbers of a result, section by section; after a run, what they are now. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { type ResultRow, sectionTitle } from '../../src/protocol/resultCheck';
import type { ResultFile } from '../../src/protocol/resultFile';
import { visibleText } from '../../src/protocol/tokens';
import { type Column, Table } from '../shared/table';
import { Concept } from '../shared/concept';
import type { ConceptId } from '../../src/protocol/concepts';

const DECIMALS = 4;
const CONCEPTS: Record<string, ConceptId> = {
  ablation: 'ablation',
  adjacent: 'adjacent-layer-similarity',
  bigrams: 'bigrams',
  changed: 'loss-delta',
  composition: 'composition',
  compositionChanges: 'difference-of-two-checkpoints',
  distances: 'difference-of-two-checkpoints',
  fvu: 'fvu',
  fvuChanges: 'fvu',
  headEffects: 'activation-patching',
  headScores: 'head-scores',
  kl: 'loss-delta',
  l0: 'fvu',
  latentChanges: 'difference-of-two-checkpoints',
  latents: 'multi-layer-sae',
  lens: 'logit-lens',
  logit: 'direct-logit-attribution',
  logitDifference: 'activation-patching',
  losses: 'difference-of-two-checkpoints',
  lossDelta: 'loss-delta',
  loss: 'surprisal-and-predictions',
  nextTokens: 'surprisal-and-predictions',
  orders: 'term-importance',
  residEffects: 'activation-patching',
  scoreChanges: 'difference-of-two-checkpoints',
  sources: 'attention-pattern',
  terms: 'paths',
  termEffects: 'term-importance',
  tokenChanges: 'difference-of-two-checkpoints',
  varianceRatios: 'variance-ratios',
};
/** By layer, by stage or as they are named: not by their size. */
const IN_ORDER = new Set([
  'lens',
  'orders',
  'fvu',
  'l0',
  'adjacent',
  'lossDelta',
  'kl',
  'changed',
  'fvuChanges',
  'losses',
]);
const minus = (text: string): string => text.replace('-', '−');
const fixed = (value: number): string => minus(value.toFixed(DECIMALS));

/** `+0.0120`, `=` where nothing of it can be seen. */
function change(saved: number, now: number | undefined): string {
  if (now === undefined) return '';
  const text = fixed(now - saved);
  if (/^−?0\.?0*$/.test(text)) return '=';
  return now < saved ? text : `+${text}`;
}

/** `27 → 16` with the tokens that stand there. */
function nameOf(section: string, name: string, tokens: readonly string[]): string {
  const at = (position: string): string => {
    const token = tokens[Number(position)];
    return token === undefined ? position : `${position} “${visibleText(token)}”`;
  };
  const place = section === 'residEffects' ? /^(L\d+) at (\d+)$/.exec(name) : null;
  if (place) return `${place[1]!} · ${at(place[2]!)}`;
  const pair = section === 'sources' ? /^(\d+) → (\d+)$/.exec(name) : null;
  if (pair) return `${at(pair[1]!)} → ${at(pair[2]!)}`;
  const after = section === 'nextTokens' ? /^after (\d+): ([^]*) \(#(\d+)\)$/.exec(name) : null;
  return after
    ? l10n.t('after {0}: “{1}”', at(after[1]!), visibleText(after[2]!))
    : visibleText(name).replaceAll('·', ' ');
}

function columns(section: string, tokens: readonly string[], checked: boolean): Column<ResultRow>[] {
  const now: Column<ResultRow>[] = [
    {
      name: 'now',
      heading: l10n.t('now'),
      value: ({ now: value }) => value ?? NaN,
      cell: ({ now: value }) => (value === undefined ? l10n.t('not found') : fixed(value)),
    },
    {
      name: 'difference',
      heading: l10n.t('difference'),
      value: ({ saved, now: value = NaN }) => Math.abs(value - saved),
      cell: ({ saved, now: value, differs }) => (
        <span class={differs ? 'differs' : 'same'}>
          {change(saved, value)}
          {differs ? ` ${l10n.t('differs')}` : ''}
        </span>
      ),
    },
  ];
  return [
    { name: 'of', heading: l10n.t('of'), value: ({ name }) => nameOf(section, name, tokens) },
    { name: 'saved', heading: l10n.t('saved'), value: ({ saved }) => saved, cell: ({ saved }) => fixed(saved) },
    ...(checked ? now : []),
  ];
}

export function Numbers({ result, rows }: { result: ResultFile; rows?: readonly ResultRow[] }): JSX.Element {
  const all: readonly ResultRow[] =
    rows ??
    Object.entries(result.numbers).flatMap(([section, values]) =>
      Object.entries(values).map(([name, saved]) => ({ section, name, saved, differs: false })),
    );
  return (
    <>
      {Object.keys(result.numbers).map((section) => (
        <section class="block numbers" key={section} data-section={section}>
          <h2>
            {sectionTitle(section) ?? section} <Concept id={CONCEPTS[section] ?? 'saved-results'} />
          </h2>
          <Table
            label={sectionTitle(section) ?? section}
            columns={columns(section, result.tokens, rows !== undefined)}
            rows={all.filter((row) => row.section === section)}
            {...(IN_ORDER.has(section) ? {} : { initial: { column: 'saved', descending: true } })}
          />
        </section>
      ))}
    </>
  );
}
