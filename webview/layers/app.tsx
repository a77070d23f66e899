/** The panel: how well the autoencoder does at every layer. */
import type { JSX } from 'preact';
import type { LayersCommand } from '../../src/protocol/layersPanel';
import { plural } from '../../src/protocol/tokens';
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
  openCheckpoint: 'Open Checkpoint…',
  openSample: 'Open Sample…',
  openSae: 'Open SAE…',
  analyzeSelection: 'Analyze Selection',
  sweepCorpus: 'Sweep Corpus…',
  openSweep: 'Open Sweep…',
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
  { name: 'layer', value: ({ layer }) => layer, cell: ({ layer }) => `L${layer}` },
  ...(Object.keys(quantities) as Quantity[]).map((name): Column<LayerRow> => {
    const { title, about, text } = quantities[name];
    return { name, title: `${title}: ${about}`, value: (row) => row[name], cell: (row) => text(row[name]) };
  }),
];

const choices = (has: { prompt: boolean; corpus: boolean }): Choice<Of>[] => [
  {
    value: 'prompt',
    label: 'this text',
    title: has.prompt ? 'Over the analyzed text' : 'Analyze a text first',
    disabled: !has.prompt,
  },
  {
    value: 'corpus',
    label: 'corpus',
    title: has.corpus ? 'Over the corpus of the open sweep' : 'Sweep a corpus, or open a sweep, first',
    disabled: !has.corpus,
  },
];

function Toolbar({ rows }: { rows: readonly LayerRow[] }): JSX.Element {
  const { checkpoint, sae, sourceName, prompt, corpus } = view.value!;
  const what =
    of.value === 'corpus'
      ? `corpus · ${plural(corpus!.documents, 'text')} · ${plural(corpus!.tokens, 'token')}`
      : `${sourceName ?? ''} · ${plural(prompt?.nTokens ?? 0, 'token')}`;
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
          Sweep a corpus…
        </button>
      )}
      <Segmented
        label="Numbers over"
        choices={choices({ prompt: prompt !== undefined, corpus: corpus !== undefined })}
        value={of.value}
        onChange={(next) => (chosenOf.value = next)}
      />
      <IconMenu
        label="Export"
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
  const unfinished = corpus?.complete ? [] : ['The sweep is not finished: run it again to resume.'];
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
            label="Layers"
            columns={columns}
            rows={rows}
            {...(latent !== undefined && { onChoose: chooseLayer })}
            chosen={({ layer }) => latent !== undefined && layer === chosenLayer}
          />
        </div>
        <p class="block none">
          {of.value === 'prompt' && own.kind === 'ready'
            ? `The model’s own loss: ${fixed(own.splice.loss, 3)} nats. `
            : ''}
          {latent === undefined ? null : (
            <>
              A row shows latent #{latent} at its layer.{' '}
              <button type="button" class="link" onClick={() => command('showLatents')}>
                Show Latents
              </button>{' '}
            </>
          )}
          {of.value === 'corpus' && corpus
            ? `Dead: ${corpus.dead.count.toLocaleString('en-US')} latents (${fixed(100 * corpus.dead.fraction, 1)} %), active on fewer than ${corpus.dead.threshold} of the tokens.`
            : ''}
        </p>
        {of.value === 'prompt' && prompt ? <Histograms prompt={prompt} /> : null}
        <Ratios />
      </div>
    </main>
  );
}
