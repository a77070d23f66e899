/** The “Training step” slider: host ↔ any panel that has one. */
import * as l10n from '@vscode/l10n';

/** One checkpoint of the training that the open one belongs to. */
export interface StepName {
  step: number;
  /** Name of its folder: `step1000`. */
  name: string;
}

/** Where the slider stands. Only there when the open checkpoint lies among at least two. */
export interface StepsView {
  /** By step, lowest first. */
  steps: StepName[];
  /** Index of the open one. */
  current: number;
  /** Index of the one that is being opened in its place. */
  target?: number;
}

/** `step 1,000`. */
export const stepLabel = ({ step }: StepName): string => l10n.t('step {0}', step.toLocaleString('en-US'));

/** `step 1,000, 2 of 12`: in words, for screen readers and the status bar. */
export const stepWords = ({ steps }: StepsView, index: number): string => {
  const at = steps[index];
  return at
    ? l10n.t({
        message: '{0}, {1} of {2}',
        args: [stepLabel(at), index + 1, steps.length],
        comment: ['A step, its place among all'],
      })
    : '';
};
