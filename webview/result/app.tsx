/** What a saved result is, whether its files are there, its numbers, and those of a run anew. */
import * as l10n from '@vscode/l10n';
import { Fragment, type JSX } from 'preact';
import { checkSummary } from '../../src/protocol/resultCheck';
import type { CompareSection } from '../../src/protocol/comparePanel';
import type { FileIdentity, ResultFile, ResultView } from '../../src/protocol/resultFile';
import type { FoundFiles, ResultAction, ResultPage } from '../../src/protocol/resultPage';
import { visibleParts, visibleText } from '../../src/protocol/tokens';
import { Button, Icon } from '../shared/controls';
import { Numbers } from './numbers';
import { Patterns } from './patterns';
import { act, page } from './store';
import { tokensText } from '../shared/plurals';
import { Concept } from '../shared/concept';

const PANELS: Record<ResultView['panel'], string> = {
  attention: l10n.t('Attention'),
  circuits: l10n.t('Circuits'),
  paths: l10n.t('Paths'),
  lens: l10n.t('Logit lens'),
  bigrams: l10n.t('Bigrams'),
  importance: l10n.t('Term importance'),
  patch: l10n.t('Activation patching'),
  ablate: l10n.t('Ablation'),
  latents: l10n.t('Latents'),
  layers: l10n.t('Layers'),
  compare: l10n.t({ message: 'Compare', comment: ['Title of a panel'] }),
};
const SECTIONS: Record<CompareSection, string> = {
  patterns: l10n.t('Patterns'),
  scores: l10n.t('Head scores'),
  composition: l10n.t('Composition'),
  latents: l10n.t('Latents'),
  tokens: l10n.t('Next tokens'),
};

const without = ({ heads, mean }: ResultFile['view']): string | undefined =>
  !heads
    ? undefined
    : mean
      ? l10n.t('without {0} (their mean instead)', heads.join(', '))
      : l10n.t('without {0}', heads.join(', '));

/** What was chosen, in words. */
function settings({ view, tokens }: ResultFile): string {
  const token = (at: number): string => `${at} “${visibleText(tokens[at] ?? '')}”`;
  const parts = [
    view.section && SECTIONS[view.section],
    view.reduction === 'mean'
      ? l10n.t('mean over heads')
      : view.reduction === 'max'
        ? l10n.t('max over heads')
        : view.head,
    view.weighting === 'value-weighted' ? l10n.t('value-weighted') : undefined,
    view.earlier && view.later
      ? l10n.t('{0} → {1} through {2}', view.earlier, view.later, view.kind ?? 'K')
      : undefined,
    view.destination === undefined ? undefined : l10n.t('token {0}', token(view.destination)),
    view.source === undefined ? undefined : l10n.t('from {0}', token(view.source)),
    view.latent === undefined ? undefined : l10n.t('latent #{0}', view.latent),
    view.layer === undefined ? undefined : l10n.t('layer {0}', view.layer),
    view.token === undefined ? undefined : l10n.t('token {0}', `#${view.token}`),
    view.answer === undefined ? undefined : l10n.t('logit of {0} − {1}', `#${view.answer}`, `#${view.wrong}`),
    without(view),
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

function Files({ what, files, choose }: { what: string; files: FoundFiles; choose: ResultAction }): JSX.Element {
  const { problem, changes, at } = files;
  return (
    <>
      {problem === undefined ? (
        <span class="path" title={at}>
          {files.name} <small>{files.path}</small>
        </span>
      ) : (
        <span class="problem">
          <Icon name="warning" /> {problem}
        </span>
      )}
      {changes.map((change) => (
        <span class="problem" key={change}>
          <Icon name="warning" /> {change}
        </span>
      ))}
      {problem !== undefined || changes.length > 0 ? (
        <button type="button" class="link" onClick={() => act(choose)}>
          {l10n.t('Choose another {0}…', what)}
        </button>
      ) : null}
    </>
  );
}

/** Tokens that are shown; a text may have many thousands. */
const SHOWN = 600;

const Text = ({ tokens }: { tokens: readonly string[] }): JSX.Element => (
  <p class="text" aria-label={l10n.t('Text')}>
    {tokens.slice(0, SHOWN).map((text, i) => (
      <span class="piece" key={i}>
        {visibleParts(text).map(({ text: part, quiet }, j) => (
          <span key={j} class={quiet ? 'quiet' : undefined}>
            {part}
          </span>
        ))}
      </span>
    ))}
    {tokens.length > SHOWN ? '…' : ''}
  </p>
);

interface Part {
  title: string;
  /** In the button that chooses another. */
  what: string;
  saved: FileIdentity;
  found: FoundFiles | undefined;
  choose: ResultAction;
}

/** What there is beside the checkpoint. */
function partsOf({ sae, other, otherSae }: ResultFile, now: ResultPage): Part[] {
  const [checkpoint, autoencoder] = [l10n.t('checkpoint'), l10n.t('autoencoder')];
  const part = (
    title: string,
    what: string,
    saved: FileIdentity | undefined,
    found: FoundFiles | undefined,
    choose: ResultAction,
  ): Part[] => (saved ? [{ title, what, saved, found, choose }] : []);
  return [
    ...part(l10n.t('Compared with'), checkpoint, other, now.other, 'chooseOther'),
    ...part(l10n.t('Autoencoder'), autoencoder, sae, now.sae, 'chooseSae'),
    ...part(l10n.t('Autoencoder of B'), autoencoder, otherSae, now.otherSae, 'chooseOtherSae'),
  ];
}

function Facts({ result, now }: { result: ResultFile; now: ResultPage }): JSX.Element {
  const { source, tokens, created, circuitscope, view, checkpoint, patterns } = result;
  const parts = partsOf(result, now);
  const chosen = settings(result);
  return (
    <dl class="facts">
      <dt>{l10n.t('Panel')}</dt>
      <dd>
        {PANELS[view.panel]}
        {chosen ? ` · ${chosen}` : ''}
      </dd>
      <dt>{patterns ? l10n.t('Read from') : l10n.t('Checkpoint')}</dt>
      <dd>
        {now.checkpoint ? (
          <Files what={l10n.t('checkpoint')} files={now.checkpoint} choose="chooseCheckpoint" />
        ) : (
          <span class="path">
            {checkpoint.name} <small>{checkpoint.path}</small>
          </span>
        )}
      </dd>
      {parts.map(({ title, what, saved, found, choose }) => (
        <Fragment key={choose}>
          <dt>{title}</dt>
          <dd>{found ? <Files what={what} files={found} choose={choose} /> : <span>{saved.name}</span>}</dd>
        </Fragment>
      ))}
      <dt>{l10n.t('Saved')}</dt>
      <dd>{l10n.t('{0} · Circuitscope {1}', new Date(created).toLocaleString(), circuitscope)}</dd>
      {tokens.length > 0 ? (
        <>
          <dt>{l10n.t('Text')}</dt>
          <dd>
            {source} · {tokensText(tokens.length)}
            <Text tokens={tokens} />
          </dd>
        </>
      ) : null}
    </dl>
  );
}

const Broken = ({ error }: { error: string }): JSX.Element => (
  <main class="full" data-state="error">
    <h1 class="sr-only">{document.title}</h1>
    <p role="alert">{error}</p>
    <div class="buttons">
      <Button onClick={() => act('text')}>{l10n.t('Open as Text')}</Button>
    </div>
  </main>
);

function Busy({ busy }: { busy: NonNullable<ResultPage['busy']> }): JSX.Element {
  return (
    <p class="line busy" role="status">
      <Icon name="loading codicon-modifier-spin" />
      <span class="line-text">{busy.message}</span>
      <button type="button" class="link" onClick={() => act('cancel')}>
        {l10n.t('Cancel')}
      </button>
    </p>
  );
}

export function App(): JSX.Element | null {
  const now = page.value;
  if (!now) return null;
  const { result, check, busy, failed, checkpoint, sae, other, otherSae } = now;
  if ('error' in result) return <Broken error={result.error} />;
  const usable = checkpoint && [checkpoint, sae, other, otherSae].every((each) => each?.problem === undefined);
  return (
    <main class="panel report result" data-state={busy ? 'busy' : 'ready'}>
      <div class="screen">
        <header class="toolbar">
          <div class="title">
            <h1 title={now.file}>{now.file}</h1>
            <Concept id="saved-results" />
          </div>
        </header>
        {busy ? <Busy busy={busy} /> : null}
        {failed === undefined ? null : (
          <p class="line error" role="alert">
            <Icon name="error" />
            <span class="line-text">{failed}</span>
          </p>
        )}
        <Facts result={result} now={now} />
        {result.patterns ? (
          <p class="line">
            <Icon name="info" />
            <span class="line-text">
              {l10n.t(
                'These patterns were read from {0}: there is no checkpoint to run them again.',
                result.checkpoint.name,
              )}
            </span>
          </p>
        ) : null}
        <div class="buttons actions">
          {usable ? (
            <>
              <Button onClick={() => act('open')}>{l10n.t('Open Panels')}</Button>
              <Button secondary onClick={() => act('check')}>
                {l10n.t('Re-run and Compare')}
              </Button>
            </>
          ) : null}
          <Button secondary onClick={() => act('text')}>
            {l10n.t('Open as Text')}
          </Button>
        </div>
        {check ? (
          <div class={`verdict ${check.same ? 'same' : 'differs'}`} role="status">
            <p>
              <Icon name={check.same ? 'check' : 'warning'} /> {checkSummary(check)}
            </p>
            {check.changes.map((change) => (
              <p key={change}>{change}</p>
            ))}
          </div>
        ) : null}
        {result.patterns ? <Patterns patterns={result.patterns} tokens={result.tokens} /> : null}
        <Numbers result={result} {...(check && { rows: check.rows })} />
      </div>
    </main>
  );
}
