/** Both checkpoints read with one autoencoder: how well it does at every layer, and which latents differ. */
import * as l10n from '@vscode/l10n';
import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { ComparedLatents, LatentChange } from '../../src/protocol/compare';
import { type Encoding, latentMap, tokenMax } from '../../src/protocol/latents/encoding';
import { visibleText } from '../../src/protocol/tokens';
import type { BarSpec } from '../shared/barChart';
import { Bars } from '../shared/bars';
import { fixed, signed } from '../shared/numbers';
import { type Choice, Segmented } from '../shared/controls';
import { type Column, Table } from '../shared/table';
import { TokenStrip } from '../shared/tokenStrip';
import { largest } from './scale';
import { command, dispatch, ownSaes, results, selection, sideNames, tokens, view } from './store';
import { latentsText } from '../shared/plurals';
import { Concept } from '../shared/concept';

const latent = computed(() => selection.value.latent);

/** Of the chosen latent, its largest activation over the layers: B − A, as a share of the largest. `[token]` */
const tints = computed(() => {
  const shown = results.value.latents;
  const chosen = latent.value;
  if (!shown || chosen === undefined) return undefined;
  const of = (encoding: Encoding): Float32Array => tokenMax(latentMap(encoding, chosen), encoding.nTokens);
  const [a, b] = [of(shown.a), of(shown.b)];
  const most = Math.max(largest(a), largest(b)) || 1;
  return a.map((value, i) => (b[i]! - value) / most);
});

const textAt = (shown: ComparedLatents, token: number): string => visibleText(shown.tokens[token]?.text ?? '');

export const latentColumns = (shown: ComparedLatents): Column<LatentChange>[] => [
  {
    name: 'latent',
    heading: l10n.t('latent'),
    value: (row) => row.latent,
    cell: (row) => `#${row.latent}`,
    title: l10n.t('Number of the latent'),
  },
  {
    name: 'Σ|B − A|',
    value: (row) => row.difference,
    cell: (row) => fixed(row.difference),
    title: l10n.t('Sum over layers and tokens of the absolute difference of its activations'),
  },
  { name: 'Σ A', value: (row) => row.a, cell: (row) => fixed(row.a), title: l10n.t('Sum of its activations in A') },
  { name: 'Σ B', value: (row) => row.b, cell: (row) => fixed(row.b), title: l10n.t('Sum of its activations in B') },
  {
    name: 'most at',
    heading: l10n.t('most at'),
    value: (row) => textAt(shown, row.at.token),
    title: l10n.t('Token at which the activations differ most'),
  },
  {
    name: 'layer',
    heading: l10n.t('layer'),
    value: (row) => shown.layers[row.at.layer]!,
    cell: (row) => `L${shown.layers[row.at.layer]}`,
    title: l10n.t('Layer at which they differ most'),
  },
  {
    name: 'A there',
    heading: l10n.t('A there'),
    value: (row) => row.at.a,
    cell: (row) => fixed(row.at.a),
    title: l10n.t('Activation in A there'),
  },
  {
    name: 'B there',
    heading: l10n.t('B there'),
    value: (row) => row.at.b,
    cell: (row) => fixed(row.at.b),
    title: l10n.t('Activation in B there'),
  },
];

function Fvu({ shown }: { shown: ComparedLatents }): JSX.Element {
  const { layers, a, b, fvuDelta } = shown;
  const values = ({ perLayer }: Encoding): number[] => perLayer.map(({ fvu }) => fvu);
  const spec: BarSpec = {
    labels: layers.map((layer) => `L${layer}`),
    series: [
      { name: 'A', values: values(a), colour: 'muted' },
      { name: 'B', values: values(b), colour: 'bar' },
    ],
    text: (value) => fixed(value),
  };
  const words = layers.map((layer, i) =>
    l10n.t(
      '{0} A {1}, B {2}, B minus A {3}',
      `L${layer}`,
      fixed(values(a)[i]!),
      fixed(values(b)[i]!),
      signed(fvuDelta[i]!),
    ),
  );
  return (
    <section class="block fvu" data-chart="fvu">
      <h2 title={l10n.t('MSE(x, x̃) / Var(x): 0 a perfect reconstruction; 1 no better than the mean')}>
        {l10n.t('FVU by layer')} <Concept id="fvu" />
        <small>
          <i class="key key-a" /> {sideNames.value.a} <i class="key key-b" /> {sideNames.value.b}
        </small>
      </h2>
      <Bars name="fvu" spec={spec} label={l10n.t('FVU by layer: {0}', words.join('; '))} />
    </section>
  );
}

/** What the two are read with. */
function saeNames(): string {
  const { sae = '', ownSaes: own } = view.value ?? {};
  return own?.used ? `A ${own.a} · B ${own.b}` : sae;
}

/** Where both have an autoencoder open: one for both, or each its own. */
export function ReadWith(): JSX.Element | null {
  const own = view.value?.ownSaes;
  if (!own) return null;
  const choices: Choice<'one' | 'own'>[] = [
    { value: 'one', label: l10n.t('One SAE'), title: l10n.t('Both are read with the one of the open checkpoint') },
    {
      value: 'own',
      label: l10n.t('Each its own'),
      title: l10n.t('A is read with {0}, B with {1}: two steps of one training', own.a, own.b),
    },
  ];
  return (
    <div class="bar-line read-with">
      <span class="about">{l10n.t('Read with')}</span>
      <Segmented
        label={l10n.t('Read with')}
        choices={choices}
        value={own.used ? 'own' : 'one'}
        onChange={(next) => ownSaes(next === 'own')}
      />
    </div>
  );
}

export function Latents(): JSX.Element {
  const shown = results.value.latents!;
  const { changes, changed, nLatents } = shown;
  return (
    <>
      <TokenStrip
        tokens={tokens.value.slice(0, shown.tokens.length)}
        selection={selection}
        weights={() => tints.value}
        dispatch={dispatch}
      />
      <Fvu shown={shown} />
      <div class="bar-line">
        <b class="strong">{l10n.t('Latents that differ most')}</b>
        <span class="about">
          {l10n.t(
            '{0} of {1} differ on this text · {2}',
            latentsText(changed),
            nLatents.toLocaleString('en-US'),
            saeNames(),
          )}
        </span>
        <button type="button" class="link push" onClick={() => command('showLatents')}>
          {l10n.t('Show Latents')}
        </button>
      </div>
      {changes.length === 0 ? (
        <p class="block none">{l10n.t('No latent differs on this text.')}</p>
      ) : (
        <Table
          label={l10n.t('Latents that differ most')}
          columns={latentColumns(shown)}
          rows={changes}
          onChoose={({ latent: chosen, at }) =>
            dispatch({ kind: 'chooseLatent', latent: chosen, layer: shown.layers[at.layer]! })
          }
          chosen={(row) => row.latent === latent.value}
        />
      )}
    </>
  );
}
