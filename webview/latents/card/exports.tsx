/** Copies or saves what the card knows, as one table. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { headName } from '../../../src/protocol/checkpoint';
import type { LatentCard, TokenValue } from '../../../src/protocol/latents/card';
import { neuronpediaFeatures } from '../../../src/protocol/neuronpedia';
import { IconMenu } from '../../shared/controls';
import { type Column, tableExports } from '../../shared/table';
import { copyCardCode } from '../exports';
import { copy, corpus, examples, names, save, view } from '../store';
import type { Distribution } from './about';

interface Row {
  list: string;
  what: string;
  /** Token id, latent. */
  id: string | number;
  value: number;
}

const COLUMNS: Column<Row>[] = [
  { name: 'list', value: ({ list }) => list },
  { name: 'what', value: ({ what }) => what },
  { name: 'id', value: ({ id }) => id },
  { name: 'value', value: ({ value }) => value },
];

function rowsOf({ layers, share }: Distribution, card: LatentCard): Row[] {
  const tokens = (list: string, values: readonly TokenValue[]): Row[] =>
    values.map(({ id, text, value }) => ({ list, what: text, id, value }));
  return [
    ...layers.map((layer, i) => ({ list: 'layer distribution', what: `L${layer}`, id: layer, value: share[i]! })),
    ...card.writers.map((head) => ({ list: 'written by', what: headName(head), id: '', value: head.score })),
    ...card.readers.map((head) => ({ list: `read by ${head.kind}`, what: headName(head), id: '', value: head.score })),
    ...tokens('promotes', card.promoted),
    ...tokens('suppresses', card.suppressed),
    ...tokens('nearest input', card.nearestInput),
    ...tokens('nearest output', card.nearestOutput),
    ...card.nearestLatents.map(({ latent, cosine }) => ({
      list: 'nearest latents',
      what: `#${latent}`,
      id: latent,
      value: cosine,
    })),
  ];
}

interface Props {
  latent: number;
  distribution: Distribution;
  card: LatentCard;
}

/** What the swept corpus says of it, one feature a layer. */
function saveFeatures(file: string, card: LatentCard): void {
  const [shown, swept, found] = [view.peek(), corpus.peek(), examples.peek()];
  if (!shown || !swept) return;
  const here = found && found.latent === card.latent && 'examples' in found ? found.examples.examples : [];
  const features = neuronpediaFeatures({
    ...{ model: shown.checkpoint.name, sae: shown.sae.name, card, examples: here, corpus: swept },
    ...(names.peek()[card.latent] && { name: names.peek()[card.latent] }),
  });
  save({ name: `${file}-neuronpedia`, format: 'json', content: JSON.stringify(features) });
}

export function CardExport({ latent, distribution, card }: Props): JSX.Element {
  const name = `${view.value?.sae.name ?? 'latent'}-${latent}`;
  const items = [
    ...tableExports(name, COLUMNS, () => rowsOf(distribution, card), { save, copy }),
    { label: l10n.t('Copy as TransformerLens Code'), run: () => copyCardCode(card) },
    ...(corpus.value ? [{ label: l10n.t('Neuronpedia features (JSON)'), run: () => saveFeatures(name, card) }] : []),
  ];
  return (
    <IconMenu
      label={l10n.t('Export latent card')}
      icon="export"
      items={items.map(({ label }) => ({ value: label, label }))}
      onPick={(label) => items.find((item) => item.label === label)?.run()}
    />
  );
}
