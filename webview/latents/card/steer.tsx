/** Steering and ablation: what the model predicts with the latent added to, or taken out of, one layer. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Prediction, Token } from '../../../src/protocol/analysis';
import type { LatentEdit, Steering } from '../../../src/protocol/latents/effects';
import { visibleText } from '../../../src/protocol/tokens';
import { Button, ProgressRing, Segmented } from '../../shared/controls';
import { fixed, probability, signed } from '../../shared/numbers';
import { TokenText } from '../../shared/tokenText';
import { Concept } from '../../shared/concept';
import { Sentence } from '../../shared/sentence';

/** Ends of the slider; a typed factor may lie outside. */
const END = 20;
const STEP = 0.5;
const FIRST = 4;

export interface SteerQuestion {
  layer: number;
  edit: LatentEdit;
}

/** The latest answer about this latent: of which question, and what came of it. */
export type SteerAnswer = SteerQuestion & ({ result: Steering } | { error: string });

interface Props {
  /** That the autoencoder reads. */
  layers: readonly number[];
  /** The one to start with. */
  layer: number;
  tokens: readonly Token[];
  /** Position whose next token is shown. */
  position: number;
  busy: boolean;
  answer: SteerAnswer | undefined;
  onSteer: (question: SteerQuestion) => void;
  /** Python that computes the same. */
  onCopyCode: (question: SteerQuestion) => void;
}

const editText = ({ layer, edit }: SteerQuestion): string =>
  edit.kind === 'ablate' ? l10n.t('ablated at L{0}', layer) : l10n.t('{0} at L{1}', signed(edit.factor, 1), layer);

const PredictionBar = ({ p }: { p: number }): JSX.Element => (
  <span class="bar">
    <i style={{ width: `${p * 100}%` }} />
  </span>
);

/** A token and its probability, and whether the other column has it too. */
const Cells = ({ prediction, common }: { prediction: Prediction | undefined; common: boolean }): JSX.Element => (
  <>
    <td class={`mono ${common ? '' : 'strong'}`}>{prediction ? <TokenText text={prediction.text} /> : null}</td>
    <td class="bar-cell">{prediction ? <PredictionBar p={prediction.p} /> : null}</td>
    <td class="number right">{prediction ? probability(prediction.p) : null}</td>
  </>
);

function Outcome({ result, position, tokens }: Pick<Props, 'position' | 'tokens'> & { result: Steering }): JSX.Element {
  const before = result.before[position] ?? [];
  const after = result.after[position] ?? [];
  const rows = Math.max(before.length, after.length);
  const has = (all: readonly Prediction[], one: Prediction | undefined): boolean =>
    all.some(({ id }) => id === one?.id);
  const place = visibleText(tokens[position]?.text ?? '');
  return (
    <>
      <table class="predictions" aria-label={l10n.t('Next token after {0}, before and after', place)}>
        <thead>
          <tr>
            <th colSpan={3}>
              {l10n.t('before')}{' '}
              <span class="none">
                <Sentence text={l10n.t('after {0}')} parts={[<span class="mono">{place}</span>]} />
              </span>
            </th>
            <th colSpan={3}>{editText(result)}</th>
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: rows }, (_, i) => (
            <tr key={i}>
              <Cells prediction={before[i]} common={has(after, before[i])} />
              <Cells prediction={after[i]} common={has(before, after[i])} />
            </tr>
          ))}
        </tbody>
      </table>
      <p class="card-stat">
        <Sentence
          text={l10n.t('loss {0} → {1} nats · KL here {2} nats')}
          parts={[
            <b>{fixed(result.lossBefore, 3)}</b>,
            <b>{fixed(result.lossAfter, 3)}</b>,
            <b>{fixed(result.kl[position] ?? NaN, 3)}</b>,
          ]}
        />
      </p>
    </>
  );
}

export function Steer({
  layers,
  layer: start,
  tokens,
  position,
  busy,
  answer,
  onSteer,
  onCopyCode,
}: Props): JSX.Element {
  const [layer, setLayer] = useState(start);
  const [factor, setFactor] = useState(FIRST);
  const choices = layers.map((l) => ({ value: `${l}`, label: `L${l}`, title: l10n.t('After block {0}', l) }));
  const run = (): void => onSteer({ layer, edit: { kind: 'add', factor } });
  const onNumber = (value: number): void => {
    if (Number.isFinite(value)) setFactor(value);
  };
  return (
    <section class="steer">
      <h3
        title={l10n.t(
          'At every position: residual + factor × decoder column. Ablate takes out what it adds to the reconstruction.',
        )}
      >
        {l10n.t('Steer')} <Concept id="steering" />
      </h3>
      <div class="steer-line">
        <div class="steer-layers">
          <Segmented
            label={l10n.t('Layer')}
            choices={choices}
            value={`${layer}`}
            onChange={(next) => setLayer(Number(next))}
          />
        </div>
        <input
          class="slider"
          type="range"
          aria-label={l10n.t('Factor')}
          min={-END}
          max={END}
          step={STEP}
          value={factor}
          onInput={(event) => onNumber(event.currentTarget.valueAsNumber)}
        />
        <input
          class="field factor"
          type="number"
          aria-label={l10n.t('Factor, as a number')}
          step={STEP}
          value={factor}
          onInput={(event) => onNumber(event.currentTarget.valueAsNumber)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !busy) run();
          }}
        />
        {/* they stay while it runs: what has the keyboard must not vanish */}
        <Button onClick={() => busy || run()}>{l10n.t('Run')}</Button>
        <Button secondary onClick={() => busy || onSteer({ layer, edit: { kind: 'ablate' } })}>
          {l10n.t('Ablate')}
        </Button>
        {busy ? (
          <span class="steer-busy" role="status">
            <ProgressRing />
            <span class="sr-only">{l10n.t('Running…')}</span>
          </span>
        ) : null}
      </div>
      {answer && 'error' in answer ? (
        <p class="card-error" role="alert">
          {answer.error}
        </p>
      ) : null}
      {answer && 'result' in answer ? (
        <>
          <Outcome result={answer.result} position={position} tokens={tokens} />
          <button type="button" class="link" onClick={() => onCopyCode({ layer: answer.layer, edit: answer.edit })}>
            {l10n.t('Copy as TransformerLens Code')}
          </button>
        </>
      ) : null}
    </section>
  );
}
