/** Steering and ablation: what the model predicts with the latent added to, or taken out of, one layer. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Prediction, Token } from '../../../src/protocol/analysis';
import type { LatentEdit, Steering } from '../../../src/protocol/latents/effects';
import { visibleText } from '../../../src/protocol/tokens';
import { Button, ProgressRing, Segmented } from '../../shared/controls';
import { fixed, probability, signed } from '../../shared/numbers';
import { TokenText } from '../../shared/tokenText';
import { Concept } from '../../shared/concept';

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
}

const editText = ({ layer, edit }: SteerQuestion): string =>
  edit.kind === 'ablate' ? `ablated at L${layer}` : `${signed(edit.factor, 1)} at L${layer}`;

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
      <table class="predictions" aria-label={`Next token after ${place}, before and after`}>
        <thead>
          <tr>
            <th colSpan={3}>
              before{' '}
              <span class="none">
                after <span class="mono">{place}</span>
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
        loss <b>{fixed(result.lossBefore, 3)}</b> → <b>{fixed(result.lossAfter, 3)}</b> nats · KL here{' '}
        <b>{fixed(result.kl[position] ?? NaN, 3)}</b> nats
      </p>
    </>
  );
}

export function Steer({ layers, layer: start, tokens, position, busy, answer, onSteer }: Props): JSX.Element {
  const [layer, setLayer] = useState(start);
  const [factor, setFactor] = useState(FIRST);
  const choices = layers.map((l) => ({ value: `${l}`, label: `L${l}`, title: `After block ${l}` }));
  const run = (): void => onSteer({ layer, edit: { kind: 'add', factor } });
  const onNumber = (value: number): void => {
    if (Number.isFinite(value)) setFactor(value);
  };
  return (
    <section class="steer">
      <h3 title="At every position: residual + factor × decoder column. Ablate takes out what it adds to the reconstruction.">
        Steer
        <Concept id="steering" />
      </h3>
      <div class="steer-line">
        <div class="steer-layers">
          <Segmented label="Layer" choices={choices} value={`${layer}`} onChange={(next) => setLayer(Number(next))} />
        </div>
        <input
          class="slider"
          type="range"
          aria-label="Factor"
          min={-END}
          max={END}
          step={STEP}
          value={factor}
          onInput={(event) => onNumber(event.currentTarget.valueAsNumber)}
        />
        <input
          class="field factor"
          type="number"
          aria-label="Factor, as a number"
          step={STEP}
          value={factor}
          onInput={(event) => onNumber(event.currentTarget.valueAsNumber)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !busy) run();
          }}
        />
        {busy ? (
          <span class="steer-busy" role="status">
            <ProgressRing />
            Running…
          </span>
        ) : (
          <>
            <Button onClick={run}>Run</Button>
            <Button secondary onClick={() => onSteer({ layer, edit: { kind: 'ablate' } })}>
              Ablate
            </Button>
          </>
        )}
      </div>
      {answer && 'error' in answer ? (
        <p class="card-error" role="alert">
          {answer.error}
        </p>
      ) : null}
      {answer && 'result' in answer ? <Outcome result={answer.result} position={position} tokens={tokens} /> : null}
    </section>
  );
}
