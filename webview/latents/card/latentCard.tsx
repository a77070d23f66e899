/** The latent that is chosen, from everywhere: the text, the weights, a corpus, and what it does when it is turned up. */
import * as l10n from '@vscode/l10n';
import { computed } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { LatentCard as Weights } from '../../../src/protocol/latents/card';
import { layersText } from '../../../src/protocol/latents/focus';
import { Segmented } from '../../shared/controls';
import {
  card,
  chosen,
  command,
  corpus,
  dispatch,
  encoding,
  examples,
  locked,
  names,
  rename,
  selection,
  steer,
  steerBusy,
  steering,
  tokens,
} from '../store';
import { examplesInCorpus, examplesInText, inCorpus, inText } from './about';
import { LayerDistribution, type Of } from './distribution';
import { Examples } from './examples';
import { copySteerCode } from '../exports';
import { CardExport } from './exports';
import { HeadLinks } from './heads';
import { NearestLatents } from './nearest';
import { Steer } from './steer';
import { CardTitle } from './title';
import { TokenValues } from './values';

/** Answers may be about the latent that was chosen before. */
const aboutChosen = <T extends { latent: number }>(answer: T | undefined): T | undefined =>
  answer?.latent === chosen.value ? answer : undefined;

const weights = computed(() => aboutChosen(card.value));
const steered = computed(() => aboutChosen(steering.value));
const fromCorpus = computed(() => aboutChosen(examples.value));

const hoverLatent = (latent: number | undefined): void =>
  dispatch(latent === undefined ? { kind: 'leave' } : { kind: 'hoverLatent', latent });
const hoverToken = (token: number | undefined): void =>
  dispatch(token === undefined ? { kind: 'leave' } : { kind: 'hoverToken', token });

const Effects = ({ about }: { about: Weights }): JSX.Element => (
  <TokenValues
    left={{
      title: l10n.t('Promotes'),
      about: l10n.t('d W_U with the final norm’s gain, largest'),
      concept: 'logit-effect',
      values: about.promoted,
    }}
    right={{
      title: l10n.t('Suppresses'),
      about: l10n.t('the same, smallest'),
      concept: 'logit-effect',
      values: about.suppressed,
      note: l10n.t('logit effect'),
    }}
  />
);

function Nearest({ about }: { about: Weights }): JSX.Element {
  const { nearestInput, nearestOutput, nearestLatents, notices } = about;
  return (
    <>
      <TokenValues
        left={{
          title: l10n.t('Nearest inputs'),
          about: l10n.t('Rows of W_E most similar to d'),
          concept: 'nearest-latents',
          values: nearestInput,
        }}
        right={{
          title: l10n.t('Nearest outputs'),
          about: l10n.t('Columns of W_U most similar to d'),
          concept: 'nearest-latents',
          values: nearestOutput,
          note: l10n.t('cosine'),
        }}
      />
      <NearestLatents
        nearest={nearestLatents}
        names={names.value}
        onHover={hoverLatent}
        onChoose={(latent) => dispatch({ kind: 'chooseLatent', latent })}
      />
      <p class="none card-wide">{notices.join(' ')}</p>
    </>
  );
}

function CorpusExamples({ most }: { most: number }): JSX.Element {
  const answer = fromCorpus.value;
  if (!answer) return <p class="none">{l10n.t('Reading the examples of the sweep…')}</p>;
  if ('error' in answer) return <p role="alert">{answer.error}</p>;
  const found = examplesInCorpus(answer.examples.examples);
  const end = Math.max(most, ...found.map(({ value }) => value));
  return found.length > 0 ? (
    <Examples examples={found} most={end} onHover={() => undefined} onLock={() => undefined} />
  ) : (
    <p class="none">{l10n.t('No examples were kept: it was not active in this corpus.')}</p>
  );
}

const OF = [
  { value: 'prompt', label: l10n.t('this text'), title: l10n.t('Strongest places of the analyzed text') },
  { value: 'corpus', label: l10n.t('corpus'), title: l10n.t('Maximally activating examples of the open sweep') },
] as const;

function ExamplesSection({ latent }: { latent: number }): JSX.Element | null {
  const [of, setOf] = useState<Of>('prompt');
  const shown = encoding.value;
  if (!shown) return null;
  const { preview } = selection.value;
  const here = examplesInText(shown, tokens.value, latent);
  const most = Math.max(1e-9, here[0]?.value ?? 0);
  const token = { hovered: preview.destination ?? preview.source, locked: locked.value };
  const inPrompt =
    here.length > 0 ? (
      <Examples
        examples={here}
        most={most}
        {...(token.hovered !== undefined && { hovered: token.hovered })}
        {...(token.locked !== undefined && { locked: token.locked })}
        onHover={hoverToken}
        onLock={(next) => dispatch({ kind: 'lockToken', token: next })}
      />
    ) : (
      <p class="none">{l10n.t('Not active in this text.')}</p>
    );
  return (
    <section class="card-wide">
      <h3>
        {l10n.t('Examples')}
        {corpus.value ? (
          <Segmented label={l10n.t('Examples from')} choices={OF} value={of} onChange={setOf} />
        ) : (
          <small>
            {l10n.t('strongest in this text')}{' '}
            <button type="button" class="link" onClick={() => command('sweepCorpus')}>
              {l10n.t('Sweep a corpus…')}
            </button>
          </small>
        )}
      </h3>
      {corpus.value && of === 'corpus' ? <CorpusExamples most={most} /> : inPrompt}
    </section>
  );
}

/** Choosing what is chosen lets it go. */
function unlock(): void {
  const { latent, layer } = selection.peek();
  if (latent !== undefined) dispatch({ kind: 'chooseLatent', latent, ...(layer !== undefined && { layer }) });
}

/** State of the card that ends with its latent. */
function Card({ latent }: { latent: number }): JSX.Element | null {
  const [of, setOf] = useState<Of>('prompt');
  const shown = encoding.value;
  if (!shown) return null;
  const sweep = corpus.value;
  const here = inText(shown, latent);
  const distribution = sweep && of === 'corpus' ? inCorpus(sweep, latent) : here;
  const answer = weights.value;
  const about = answer && 'card' in answer ? answer.card : undefined;
  let waiting: ComponentChildren;
  if (!answer) waiting = <p class="none card-wide">{l10n.t('Reading the weights…')}</p>;
  else if ('error' in answer)
    waiting = (
      <p class="card-error card-wide" role="alert">
        {answer.error}
      </p>
    );
  const strongest = here.share.indexOf(Math.max(...here.share));
  return (
    <>
      <CardTitle
        latent={latent}
        name={names.value[latent]}
        layers={layersText(here.layers, here.share)}
        tokens={here.tokens}
        locked={selection.value.latent === latent}
        onUnlock={unlock}
        onRename={(name) => rename(latent, name)}
      >
        {about ? <CardExport latent={latent} distribution={distribution} card={about} /> : null}
      </CardTitle>
      <div class="card-body">
        <LayerDistribution distribution={distribution} of={of} {...(sweep && { onOf: setOf })} />
        {about ? (
          <HeadLinks
            card={about}
            chosen={selection.value.head}
            onChoose={(head) => dispatch({ kind: 'chooseHead', head })}
          />
        ) : null}
        {waiting}
        {about ? <Effects about={about} /> : null}
        <ExamplesSection latent={latent} />
        <Steer
          layers={shown.layers}
          layer={selection.value.layer ?? shown.layers[strongest]!}
          tokens={tokens.value}
          position={Math.min(locked.value ?? Infinity, shown.nTokens - 1)}
          busy={steerBusy.value}
          answer={steered.value}
          onSteer={(question) => steer({ latent, ...question })}
          onCopyCode={(question) => copySteerCode({ latent, ...question })}
        />
        {about ? <Nearest about={about} /> : null}
      </div>
    </>
  );
}

/** Nothing while no latent is locked. */
export function LatentCard(): JSX.Element | null {
  const latent = chosen.value;
  if (latent === undefined) return null;
  return (
    <section class="latent-card" data-latent={latent} aria-label={l10n.t('Latent card')}>
      <Card key={latent} latent={latent} />
    </section>
  );
}
