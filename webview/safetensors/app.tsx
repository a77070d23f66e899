/** The page: the tensors of a `.safetensors` file, and the chosen one. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { ShownFile } from '../../src/protocol/safetensorsEditor';
import { tensorsText } from '../shared/plurals';
import { Concept } from '../shared/concept';
import { Button, Icon, ProgressRing, Segmented } from '../shared/controls';
import { Heading } from '../shared/status';
import { Detail } from './detail';
import { List } from './list';
import { bytesText, countText, filtered, totals } from './rows';
import * as store from './store';

const nameOf = (path: string): string => path.replace(/^.*[/\\]/, '');

function Toolbar({ file }: { file: ShownFile }): JSX.Element {
  const [values] = totals(file.tensors);
  const what = [
    tensorsText(file.tensors.length),
    l10n.t('{0} values', countText(values)),
    l10n.t('{0} (header {1})', bytesText(file.fileBytes), bytesText(file.headerBytes)),
  ];
  return (
    <header class="toolbar">
      <div class="title">
        <h1 title={file.path}>{nameOf(file.path)}</h1>
        <Concept id="stored-tensors" />
        <span class="what">{what.join(' · ')}</span>
      </div>
      {file.hasConfig ? (
        <Button secondary onClick={store.openCheckpoint}>
          {l10n.t('Open as Checkpoint')}
        </Button>
      ) : null}
    </header>
  );
}

function ListBar({ file }: { file: ShownFile }): JSX.Element {
  const filter = store.filter.value;
  const found = filter.trim() === '' ? undefined : filtered(file.tensors, filter);
  return (
    <div class="bar-line">
      <input
        class="field filter"
        type="search"
        aria-label={l10n.t('Filter by name')}
        placeholder={l10n.t('Filter by name')}
        spellcheck={false}
        value={filter}
        onInput={(event) => (store.filter.value = event.currentTarget.value)}
      />
      <span class="found" role="status">
        {found ? l10n.t('{0} of {1}', countText(found.length), countText(file.tensors.length)) : ''}
      </span>
      <span class="push">
        <Segmented
          label={l10n.t('Tensors are listed')}
          choices={[
            {
              value: 'blocks',
              label: l10n.t('by block'),
              title: l10n.t('Tensors of one block together, as far as the first number of their names'),
            },
            { value: 'flat', label: l10n.t('flat'), title: l10n.t('One list') },
          ]}
          value={store.grouped.value ? 'blocks' : 'flat'}
          onChange={(next) => (store.grouped.value = next === 'blocks')}
        />
      </span>
    </div>
  );
}

function About({ file }: { file: ShownFile }): JSX.Element {
  const entries = Object.entries(file.metadata);
  return (
    <div class="about">
      <section class="block">
        <h2>
          {l10n.t('Metadata')} <Concept id="stored-tensors" />
        </h2>
        {entries.length === 0 ? (
          <p class="none">{l10n.t('The header has none.')}</p>
        ) : (
          <table class="metadata">
            <tbody>
              {entries.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {file.shards.length > 1 ? (
        <section class="block">
          <h2>
            {l10n.t('Files of this checkpoint')} <Concept id="stored-tensors" />
          </h2>
          <ul class="shards">
            {file.shards.map((shard) => (
              <li key={shard}>
                {shard === nameOf(file.path) ? (
                  <span aria-current="true">{shard}</span>
                ) : (
                  <button type="button" class="link" onClick={() => store.openShard(shard)}>
                    {shard}
                  </button>
                )}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </div>
  );
}

function Shown({ file }: { file: ShownFile }): JSX.Element {
  const tensor = store.chosen.value;
  return (
    <main class="panel report safetensors" data-state="ready" data-version={file.version}>
      <Toolbar file={file} />
      <div class="sides">
        <div class="list-side">
          <ListBar file={file} />
          {file.tensors.length > 0 ? (
            <List tensors={file.tensors} />
          ) : (
            <p class="block none">{l10n.t('The file has no tensors.')}</p>
          )}
        </div>
        <div class="detail-side">
          {tensor ? <Detail key={tensor.name} file={file} tensor={tensor} /> : null}
          {tensor || file.tensors.length === 0 ? null : (
            <p class="block none">{l10n.t('Choose a tensor: its statistics, histogram and heatmap appear here.')}</p>
          )}
          <About file={file} />
        </div>
      </div>
    </main>
  );
}

export function App(): JSX.Element | null {
  const now = store.file.value;
  if (!now) return null;
  if (now.kind === 'ready') return <Shown file={now.value} />;
  if (now.kind === 'error') {
    return (
      <main class="full" data-state="error">
        <Heading />
        <Icon name="error" />
        <p role="alert">{now.message}</p>
        <Button secondary onClick={store.showLog}>
          {l10n.t('Show Log')}
        </Button>
      </main>
    );
  }
  return (
    <main class="full" data-state="busy" aria-busy="true">
      <Heading />
      <ProgressRing />
      <p role="status">{now.kind === 'busy' ? `${now.message}…` : l10n.t('Cancelled.')}</p>
    </main>
  );
}
