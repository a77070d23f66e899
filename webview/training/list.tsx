/** Trainings one under the other: how far each is, and its buttons. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
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
  starting: { words: l10n.t('starting'), actions: ['pause', 'stop', 'openResult'] },
  running: { words: l10n.t('training'), actions: ['pause', 'stop', 'openResult'] },
  pausing: { words: l10n.t('saving'), actions: ['openResult'] },
  paused: { words: l10n.t('paused'), actions: ['resume', 'openResult', 'forget'] },
  stopped: { words: l10n.t('stopped'), actions: ['resume', 'openResult', 'forget'] },
  failed: { words: l10n.t('failed'), actions: ['resume', 'openResult', 'forget'] },
  complete: { words: l10n.t('complete'), actions: ['openResult', 'forget'] },
};

const ACTIONS: Record<TrainingAction, { icon: string; label: string; title: string }> = {
  pause: {
    icon: 'debug-pause',
    label: l10n.t('Pause'),
    title: l10n.t('Pause: saves and ends the engine; Resume goes on from there'),
  },
  resume: { icon: 'play', label: l10n.t('Resume'), title: l10n.t('Resume from what was saved') },
  stop: { icon: 'debug-stop', label: l10n.t('Stop'), title: l10n.t('Stop: saves, and is not offered again') },
  openResult: { icon: 'go-to-file', label: l10n.t('Open Result'), title: l10n.t('Open the result') },
  forget: {
    icon: 'close',
    label: l10n.t('Remove from the panel'),
    title: l10n.t('Remove from the panel; its folder stays'),
  },
};

export const wordsOfState = ({ state }: TrainingInfo): string => STATES[state].words;

const count = (value: number): string => value.toLocaleString('en-US');

function progressParts({ step, totalSteps, tokens, tokensPerSecond, secondsLeft, state }: TrainingInfo): string[] {
  return [
    l10n.t('step {0} of {1}', count(step), count(totalSteps)),
    l10n.t('{0} tokens', count(tokens)),
    ...(state === 'running' && tokensPerSecond !== undefined
      ? [l10n.t('{0} tokens/s', count(Math.round(tokensPerSecond)))]
      : []),
    ...(state === 'running' && secondsLeft !== undefined ? [l10n.t('{0} left', timeLeft(secondsLeft))] : []),
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
  return savedStep > 0
    ? l10n.t('{0} as it was saved after step {1}', title, count(savedStep))
    : l10n.t('{0}: nothing is saved yet', title);
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
            aria-label={l10n.t('{0} in the charts', name)}
            title={isFocus ? l10n.t('The charts are about this one') : l10n.t('In the charts')}
            checked={isFocus || !hidden.value.has(dir)}
            disabled={isFocus}
            onChange={() => toggle(dir)}
          />
          {style >= 0 ? (
            <Swatch style={style} />
          ) : (
            <span class="swatch other">{info.kind === 'toy' ? l10n.t('toy') : l10n.t('SAE')}</span>
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
        aria-label={l10n.t('Progress of {0}', name)}
        aria-valuenow={Math.round(100 * fraction)}
      >
        <i style={{ width: `${100 * fraction}%` }} />
      </div>
    </li>
  );
}

export function List({ all }: { all: readonly TrainingInfo[] }): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const rows = (): Element[] => [...(list.current?.children ?? [])];
  /** The row that has the keyboard, before what is drawn now. */
  const at = rows().findIndex((row) => row.contains(document.activeElement));
  useLayoutEffect(() => {
    // a button goes with the state that it is for: what comes in its place is next to the name
    if (at < 0 || list.current?.contains(document.activeElement)) return;
    rows()[Math.min(at, all.length - 1)]?.querySelector<HTMLElement>('.name')?.focus();
  });
  return (
    <ul class="training-list" aria-label={l10n.t('Trainings')} ref={list}>
      {all.map((info) => (
        <Row key={info.dir} info={info} several={all.length > 1} />
      ))}
    </ul>
  );
}
