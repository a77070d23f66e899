/** The two variance ratios, here and as the paper has them. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { VarianceRatios } from '../../src/protocol/latents/encoding';
import { fixed } from '../shared/numbers';
import { view } from './store';
import { Concept } from '../shared/concept';
import { Sentence } from '../shared/sentence';

const PAPER = 'https://arxiv.org/abs/2409.04185';

type Name = Exclude<keyof VarianceRatios, 'plain'>;

interface Ratio {
  name: Name;
  formula: string;
  meaning: string;
  /** What Lawson et al. (2024) say of it in the abstract. */
  paper: string;
}

const RATIOS: Ratio[] = [
  {
    name: 'tokenOverLatent',
    formula: 'E[Var(L | j, token)] / E[Var(L | j)]',
    meaning: l10n.t('0: on one token a latent is active at one layer; 1: a token tells nothing about the layer'),
    paper: l10n.t('about 1/100'),
  },
  {
    name: 'latentOverTotal',
    formula: 'E[Var(L | j)] / Var(L)',
    meaning: l10n.t('0: every latent has a layer of its own; 1: all are active at all layers alike'),
    paper: '–',
  },
];

/** Which mean E is. Only the first kind can be put beside the paper's. */
const KINDS: { label: string; of: (ratios: VarianceRatios, name: Name) => number; paper: boolean }[] = [
  { label: l10n.t('plain means, as the paper’s code'), of: ({ plain }, name) => plain[name], paper: true },
  { label: l10n.t('weighted by activations'), of: (ratios, name) => ratios[name], paper: false },
];

export function Ratios(): JSX.Element {
  const { prompt, corpus } = view.value ?? {};
  return (
    <section class="block">
      <h2>
        {l10n.t('Variance ratios')} <Concept id="variance-ratios" />{' '}
        <small>
          <Sentence text={l10n.t('L: layer, j: latent; {0}')} parts={[<a href={PAPER}>Lawson et al. 2024</a>]} />
        </small>
      </h2>
      <table class="table ratios" aria-label={l10n.t('Variance ratios')}>
        <thead>
          <tr>
            <th scope="col">{l10n.t('ratio')}</th>
            {prompt ? <th scope="col">{l10n.t('this text')}</th> : null}
            {corpus ? <th scope="col">{l10n.t('corpus')}</th> : null}
            <th scope="col">{l10n.t('paper')}</th>
          </tr>
        </thead>
        <tbody>
          {KINDS.flatMap(({ label, of, paper: comparable }) =>
            RATIOS.map(({ name, formula, meaning, paper }) => (
              <tr key={`${label} ${name}`} title={meaning}>
                <th scope="row">
                  {formula} <small>{label}</small>
                </th>
                {prompt ? <td class="number">{fixed(of(prompt.varianceRatios, name), 3)}</td> : null}
                {corpus ? <td class="number">{fixed(of(corpus.varianceRatios, name), 3)}</td> : null}
                <td class="number">{comparable ? paper : ''}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
      <p class="none">
        {l10n.t(
          'The paper’s abstract says of its models that the variance over many tokens is about two orders of magnitude larger than that of one token. Its code takes plain means over all latents and tokens, what is not active as zeros; over a corpus, the mean of every text’s ratio. Weighted by activations, both ratios are shares of a variance, from 0 to 1.',
        )}
      </p>
    </section>
  );
}
