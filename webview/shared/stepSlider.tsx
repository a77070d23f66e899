/** The slider over the steps of a training. Moving it opens that step's checkpoint in place of the open one, in every panel. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { stepLabel, stepWords, type StepsView } from '../../src/protocol/steps';
import { Icon } from './controls';

interface SliderProps {
  view: StepsView;
  go: (index: number) => void;
}

const Move = ({ icon, label, to, go }: { icon: string; label: string; to?: number; go: (to: number) => void }) => (
  <button
    type="button"
    class="icon-button"
    aria-label={label}
    title={label}
    aria-disabled={to === undefined}
    onClick={() => to !== undefined && go(to)}
  >
    <Icon name={icon} />
  </button>
);

export function StepSlider({ view, go }: SliderProps): JSX.Element {
  const { steps, current, target } = view;
  // what the person has moved to, until the host answers: an older answer must not move the thumb back
  const [wanted, setWanted] = useState<number>();
  useLayoutEffect(() => setWanted((now) => (target === undefined || target === now ? undefined : now)), [view]);
  const [said, setSaid] = useState('');
  const before = useRef(current);
  useEffect(() => {
    if (before.current !== current) setSaid(l10n.t('{0} is open', stepWords(view, current)));
    before.current = current;
  }, [current]);
  const at = Math.min(wanted ?? target ?? current, steps.length - 1);
  const move = (to: number): void => {
    setWanted(to);
    go(to);
  };
  const waits = at !== current;
  return (
    <div
      class="step-bar"
      role="group"
      aria-label={l10n.t('Training step')}
      data-step={steps[current]?.step}
      aria-busy={waits}
    >
      <span class="step-name">{l10n.t('Training step')}</span>
      <Move icon="chevron-left" label={l10n.t('Previous training step')} {...(at > 0 && { to: at - 1 })} go={move} />
      <input
        type="range"
        aria-label={l10n.t('Training step')}
        aria-valuetext={stepWords(view, at)}
        title={l10n.t('Opens this step’s checkpoint in place of the open one; the prompt and what is chosen stay')}
        min={0}
        max={steps.length - 1}
        step={1}
        value={at}
        onInput={(event) => move(Number(event.currentTarget.value))}
      />
      <Move
        icon="chevron-right"
        label={l10n.t('Next training step')}
        {...(at < steps.length - 1 && { to: at + 1 })}
        go={move}
      />
      <span class="step-at number" title={steps[at]?.name}>
        {steps[at] ? stepLabel(steps[at]) : ''}
      </span>
      <span class="step-of number">{l10n.t('{0} of {1}', at + 1, steps.length)}</span>
      <span class="step-wait">{waits ? <Icon name="loading" /> : null}</span>
      <span class="sr-only" aria-live="polite" data-step-said>
        {said}
      </span>
    </div>
  );
}
