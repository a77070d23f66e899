/** Trainings one under the other: how far each is, and its buttons. */
import type { JSX } from 'preact';
import type { TrainingAction, TrainingInfo, TrainingState } from '../../src/protocol/trainingPanel';
import { Icon } from '../shared/controls';
import { styleOf } from './lineChart';
import { timeLeft } from './series';
import { act, choose, compared, focus, hidden, toggle } from './store';

interface Described {
  words: string;
  actions: readonly TrainingAction[];
}

const STATES: Record<TrainingState, Described> = {
  starting: { words: 'starting', actions: ['pause', 'stop'] },
  running: { words: 'training', actions: ['pause', 'stop'] },
  pausing: { words: 'saving', actions: [] },
  paused: { words: 'paused', actions: ['resume', 'openResult', 'forget'] },
  stopped: { words: 'stopped', actions: ['resume', 'openResult', 'forget'] },
  failed: { words: 'failed', actions: ['resume', 'openResult', 'forget'] },
  complete: { words: 'complete', actions: ['openResult', 'forget'] },
};

const ACTIONS: Record<TrainingAction, { icon: string; label: string; title: string }> = {
  pause: { icon: 'debug-pause', label: 'Pause', title: 'Pause: saves and ends the engine; Resume goes on from there' },
  resume: { icon: 'play', label: 'Resume', title: 'Resume from what was saved' },
  stop: { icon: 'debug-stop', label: 'Stop', title: 'Stop: saves, and is not offered again' },
  openResult: { icon: 'go-to-file', label: 'Open Result', title: 'Open the result as it was saved last' },
  forget: { icon: 'close', label: 'Remove from the panel', title: 'Remove from the panel; its folder stays' },
};

export const wordsOfState = ({ state }: TrainingInfo): string => STATES[state].words;

const count = (value: number): string => value.toLocaleString('en-US');

export function progressWords({ step, totalSteps, tokens, tokensPerSecond, secondsLeft, state }: TrainingInfo): string {
  return [
    `step ${count(step)} of ${count(totalSteps)}`,
    `${count(tokens)} tokens`,
    ...(state === 'running' && tokensPerSecond !== undefined ? [`${count(Math.round(tokensPerSecond))} tokens/s`] : []),
    ...(state === 'running' && secondsLeft !== undefined ? [`${timeLeft(secondsLeft)} left`] : []),
  ].join(' · ');
}

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

function Row({ info, several }: { info: TrainingInfo; several: boolean }): JSX.Element {
  const { dir, name, step, totalSteps, hasResult } = info;
  const style = compared.value.findIndex((each) => each.dir === dir);
  const isFocus = focus.value?.dir === dir;
  const fraction = totalSteps > 0 ? step / totalSteps : 0;
  const actions = STATES[info.state].actions.filter((action) => action !== 'openResult' || hasResult);
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
      <span class="how number">{progressWords(info)}</span>
      <span class="buttons">
        {actions.map((action) => (
          <button
            key={action}
            type="button"
            class="icon-button"
            aria-label={`${ACTIONS[action].label}${several ? `: ${name}` : ''}`}
            title={ACTIONS[action].title}
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
