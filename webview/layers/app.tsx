/** The panel: how well the autoencoder does at every layer. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { LayersCommand } from '../../src/protocol/layersPanel';
import { textsText, tokensText } from '../shared/plurals';
import { Button, type Choice, IconMenu, Segmented } from '../shared/controls';
import { fixed } from '../shared/numbers';
import { FullState, StatusLines } from '../shared/status';
import { type Column, Table } from '../shared/table';
import { Charts } from './charts';
import { exportsOf } from './exports';
import { Histograms } from './histograms';
import { Ratios } from './ratios';
import { type LayerRow, layerRows, quantities, type Quantity } from './rows';
import { chosenOf, command, dispatch, of, type Of, selection, shown, splice, status, view } from './store';
import { Concept } from '../shared/concept';

const LABELS: Partial<Record<LayersCommand, string>> = {
  openCheckpoint: l10n.t('Open Checkpoint…'),
  openSample: l10n.t('Open Sample…'),
  openSae: l10n.t('Open SAE…'),
  analyzeSelection: l10n.t('Analyze Selection'),
  sweepCorpus: l10n.t('Sweep Corpus…'),
  openSweep: l10n.t('Open Sweep…'),
};

const Begin = ({ commands }: { commands: readonly LayersCommand[] }): JSX.Element => (
  <>
    {commands.map((name, i) => (
      <Button key={name} secondary={i > 0} onClick={() => command(name)}>
        {LABELS[name] ?? name}
      </Button>
    ))}
  </>
);

export const columns: Column<LayerRow>[] = [
  { name: 'layer', heading: l10n.t('layer'), value: ({ layer }) => layer, cell: ({ layer }) => `L${layer}` },
  ...(Object.keys(quantities) as Quantity[]).map((name): Column<LayerRow> => {
    const { title, about, text } = quantities[name];
    return { name, title: `${title}: ${about}`, value: (row) => row[name], cell: (row) => text(row[name]) };
  }),
];

const choices = (has: { prompt: boolean; corpus: boolean }): Choice<Of>[] => [
  {
    value: 'prompt',
    label: l10n.t('this text'),
    title: has.prompt ? l10n.t('Over the analyzed text') : l10n.t('Analyze a text first'),
    disabled: !has.prompt,
  },
  {
    value: 'corpus',
    label: l10n.t('corpus'),
    title: has.corpus ? l10n.t('Over the corpus of the open sweep') : l10n.t('Sweep a corpus, or open a sweep, first'),
    disabled: !has.corpus,
  },
];

function Toolbar({ rows }: { rows: readonly LayerRow[] }): JSX.Element {
  const { checkpoint, sae, sourceName, prompt, corpus } = view.value!;
  const what =
    of.value === 'corpus'
      ? `${l10n.t('corpus')} · ${textsText(corpus!.documents)} · ${tokensText(corpus!.tokens)}`
      : `${sourceName ?? ''} · ${tokensText(prompt?.nTokens ?? 0)}`;
  const items = exportsOf(rows, columns);
  return (
    <header class="toolbar">
      <div class="title">
        <h1 title={sae.path}>{sae.label}</h1>
        <Concept id="multi-layer-sae" />
        <span class="what">
          {checkpoint.name} · {what}
        </span>
      </div>
      {corpus ? null : (
        <button type="button" class="link" onClick={() => command('sweepCorpus')}>
          {l10n.t('Sweep a corpus…')}
        </button>
      )}
      <Segmented
        label={l10n.t('Numbers over')}
        choices={choices({ prompt: prompt !== undefined, corpus: corpus !== undefined })}
        value={of.value}
        onChange={(next) => (chosenOf.value = next)}
      />
      <IconMenu
        label={l10n.t('Export')}
        icon="export"
        items={items.map(({ label }) => ({ value: label, label }))}
        onPick={(picked) => items.find(({ label }) => label === picked)?.run()}
      />
    </header>
  );
}

function notices(): string[] {
  const { sae, prompt, corpus } = view.value!;
  if (of.value === 'prompt') return [...sae.notices, ...(prompt?.notices ?? [])];
  const unfinished = corpus?.complete ? [] : [l10n.t('The sweep is not finished: run it again to resume.')];
  return [...sae.notices, ...(corpus?.notices ?? []), ...unfinished];
}

/** The locked latent at the layer of a row. */
function chooseLayer({ layer }: LayerRow): void {
  const { latent } = selection.peek();
  if (latent !== undefined) dispatch({ kind: 'chooseLatent', latent, layer });
}

export function App(): JSX.Element | null {
  const now = status.value;
  if (!now) return null;
  const numbers = shown.value;
  if (!numbers || now.kind === 'empty') {
    const begin = now.kind === 'empty' ? <Begin commands={now.commands} /> : undefined;
    return <FullState now={now} command={command} begin={begin} />;
  }
  const rows = layerRows(numbers, of.value === 'prompt' ? splice.value : { kind: 'none' });
  const { stale, prompt, corpus } = view.value!;
  const { latent, layer: chosenLayer } = selection.value;
  const own = splice.value;
  return (
    <main class="panel report layers" data-state={now.kind} data-of={of.value}>
      <div class="screen">
        <Toolbar rows={rows} />
        <StatusLines now={now} stale={stale && of.value === 'prompt'} notices={notices()} command={command} />
        <Charts rows={rows} />
        <div class="table-scroll">
          <Table
            label={l10n.t('Layers')}
            columns={columns}
            rows={rows}
            {...(latent !== undefined && { onChoose: chooseLayer })}
            chosen={({ layer }) => latent !== undefined && layer === chosenLayer}
          />
        </div>
        <p class="block none">
          {of.value === 'prompt' && own.kind === 'ready'
            ? `${l10n.t('The model’s own loss: {0} nats.', fixed(own.splice.loss, 3))} `
            : ''}
          {latent === undefined ? null : (
            <>
              {l10n.t('A row shows latent #{0} at its layer.', latent)}{' '}
              <button type="button" class="link" onClick={() => command('showLatents')}>
                {l10n.t('Show Latents')}
              </button>{' '}
            </>
          )}
          {of.value === 'corpus' && corpus
            ? l10n.t(
                'Dead: {0} latents ({1} %), active on fewer than {2} of the tokens.',
                corpus.dead.count.toLocaleString('en-US'),
                fixed(100 * corpus.dead.fraction, 1),
                corpus.dead.threshold,
              )
            : ''}
        </p>
        {of.value === 'prompt' && prompt ? <Histograms prompt={prompt} /> : null}
        <Ratios />
      </div>
    </main>
  );
}
