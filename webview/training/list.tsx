/** Trainings one under the other: how far each is, and its buttons. */
import type { JSX } from 'preact';
import type { TrainingAction, TrainingInfo, TrainingState } from '../../src/protocol/trainingPanel';
import { Icon } from '../shared/controls';
import { styleOf } from './lineChart';
import { Parts } from './parts';
import { timeLeft } from './series';
import { act, choose, compared, focus, hidden, toggle } from './store';

interface Described {
  words: string;
  actions: readonly TrainingAction[];
}

const STATES: Record<TrainingState, Described> = {
  starting: { words: 'starting', actions: ['pause', 'stop', 'openResult'] },
  running: { words: 'training', actions: ['pause', 'stop', 'openResult'] },
  pausing: { words: 'saving', actions: ['openResult'] },
  paused: { words: 'paused', actions: ['resume', 'openResult', 'forget'] },
  stopped: { words: 'stopped', actions: ['resume', 'openResult', 'forget'] },
  failed: { words: 'failed', actions: ['resume', 'openResult', 'forget'] },
  complete: { words: 'complete', actions: ['openResult', 'forget'] },
};

const ACTIONS: Record<TrainingAction, { icon: string; label: string; title: string }> = {
  pause: { icon: 'debug-pause', label: 'Pause', title: 'Pause: saves and ends the engine; Resume goes on from there' },
  resume: { icon: 'play', label: 'Resume', title: 'Resume from what was saved' },
  stop: { icon: 'debug-stop', label: 'Stop', title: 'Stop: saves, and is not offered again' },
  openResult: { icon: 'go-to-file', label: 'Open Result', title: 'Open the result' },
  forget: { icon: 'close', label: 'Remove from the panel', title: 'Remove from the panel; its folder stays' },
};

export const wordsOfState = ({ state }: TrainingInfo): string => STATES[state].words;

const count = (value: number): string => value.toLocaleString('en-US');

function progressParts({ step, totalSteps, tokens, tokensPerSecond, secondsLeft, state }: TrainingInfo): string[] {
  return [
    `step ${count(step)} of ${count(totalSteps)}`,
    `${count(tokens)} tokens`,
    ...(state === 'running' && tokensPerSecond !== undefined ? [`${count(Math.round(tokensPerSecond))} tokens/s`] : []),
    ...(state === 'running' && secondsLeft !== undefined ? [`${timeLeft(secondsLeft)} left`] : []),
  ];
}

export const progressWords = (info: TrainingInfo): string => progressParts(info).join(' · ');

/** How its lines look in the charts where several are compared. */
function Swatch({ style }: { style: number }): JSX.Element {
  const { colour, dash } = styleOf(style);
  return (
    <svg class="swatch" width="24" height="8" aria-hidden="true">
      <line
        x1="0"
        y1="4"
        x2="24"
        y2="4"
        stroke={`var(--${colour})`}
        stroke-width="2"
        stroke-dasharray={dash.join(' ')}
      />
    </svg>
  );
}

/** A result is what was saved last, which may be steps ago. */
function titleOf(action: TrainingAction, { savedStep, state }: TrainingInfo): string {
  const { title } = ACTIONS[action];
  if (action !== 'openResult' || state === 'complete') return title;
  return savedStep > 0 ? `${title} as it was saved after step ${count(savedStep)}` : `${title}: nothing is saved yet`;
}

function Row({ info, several }: { info: TrainingInfo; several: boolean }): JSX.Element {
  const { dir, name, step, totalSteps } = info;
  const style = compared.value.findIndex((each) => each.dir === dir);
  const isFocus = focus.value?.dir === dir;
  const fraction = totalSteps > 0 ? step / totalSteps : 0;
  return (
    <li class={`training-row ${isFocus ? 'chosen' : ''}`} data-dir={dir} data-state={info.state}>
      {several ? (
        <>
          <input
            type="checkbox"
            aria-label={`${name} in the charts`}
            title={isFocus ? 'The charts are about this one' : 'In the charts'}
            checked={isFocus || !hidden.value.has(dir)}
            disabled={isFocus}
            onChange={() => toggle(dir)}
          />
          {style >= 0 ? (
            <Swatch style={style} />
          ) : (
            <span class="swatch other">{info.kind === 'toy' ? 'toy' : 'SAE'}</span>
          )}
        </>
      ) : null}
      <button type="button" class="name" title={dir} aria-pressed={isFocus} onClick={() => choose(dir)}>
        {name}
      </button>
      <span class="state">{wordsOfState(info)}</span>
      <span class="how number">
        <Parts of={progressParts(info)} between=" · " />
      </span>
      <span class="buttons">
        {STATES[info.state].actions.map((action) => (
          <button
            key={action}
            type="button"
            class="icon-button"
            aria-label={`${ACTIONS[action].label}${several ? `: ${name}` : ''}`}
            title={titleOf(action, info)}
            disabled={action === 'openResult' && info.savedStep === 0}
            onClick={() => act(dir, action)}
          >
            <Icon name={ACTIONS[action].icon} />
          </button>
        ))}
      </span>
      <div
        class="progress"
        role="progressbar"
        aria-label={`Progress of ${name}`}
        aria-valuenow={Math.round(100 * fraction)}
      >
        <i style={{ width: `${100 * fraction}%` }} />
      </div>
    </li>
  );
}

export const List = ({ all }: { all: readonly TrainingInfo[] }): JSX.Element => (
  <ul class="training-list" aria-label="Trainings">
    {all.map((info) => (
      <Row key={info.dir} info={info} several={all.length > 1} />
    ))}
  </ul>
);
