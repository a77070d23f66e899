/** Stretches of a training: how often chunks are repeated, and how long sequences are. */
import * as l10n from '@vscode/l10n';
import type { ToyStage, TrainToyParams } from '../../../protocol/training';
import { InputError } from '../../checkpoint/errors';

/** A stretch of a training with nothing left open. */
export type Stage = Required<ToyStage>;

const DEFAULTS = { repeatShare: 0.3, randomShare: 0.25 };

type Given = Pick<TrainToyParams, 'repeatShare' | 'randomShare' | 'stages'>;

/**
 * @param context of the model
 * @throws InputError for shares that are none, and stages that do not follow one another
 */
export function stagesOf({ stages: given, ...params }: Given, context: number): Stage[] {
  const { repeatShare = DEFAULTS.repeatShare, randomShare = DEFAULTS.randomShare } = params;
  for (const [name, value] of Object.entries({ repeatShare, randomShare })) checkShare(name, value);
  if (!given) return [{ until: 1, repeatShare, randomShare, context }];
  if (params.repeatShare !== undefined)
    throw new InputError(l10n.t('repeatShare and stages were given, one of them was expected.'));
  if (given.length === 0) throw new InputError(l10n.t('stages is empty, at least one stage was expected.'));
  const stages = given.map((stage) => ({ randomShare, context, ...stage }));
  stages.forEach((stage, i) => checkStage(`stages[${i}]`, stage, stages[i - 1]?.until ?? 0, context));
  const { until } = stages.at(-1)!;
  if (until !== 1)
    throw new InputError(
      l10n.t('stages end at {0} of the training, a last stage until 1 was expected.', String(until)),
    );
  return stages;
}

function checkStage(where: string, stage: Stage, before: number, context: number): void {
  checkShare(`${where}.repeatShare`, stage.repeatShare);
  checkShare(`${where}.randomShare`, stage.randomShare);
  if (!(stage.until > before && stage.until <= 1))
    throw new InputError(
      l10n.t('{0}.until is {1}, a number above {2} and up to 1 was expected.', where, String(stage.until), before),
    );
  // so that every step has as many tokens
  if (!Number.isInteger(stage.context) || stage.context < 4 || context % stage.context !== 0)
    throw new InputError(
      l10n.t(
        '{0}.context is {1}, a divisor of the model’s context {2} was expected, 4 or more.',
        where,
        String(stage.context),
        context,
      ),
    );
}

function checkShare(name: string, value: number): void {
  if (!(value >= 0 && value <= 1))
    throw new InputError(l10n.t('{0} is {1}, a share from 0 to 1 was expected.', name, String(value)));
}

/** The stage of a step. @param step from 1 */
export const stageAt = (stages: Stage[], step: number, steps: number): Stage =>
  stages.find(({ until }) => step <= Math.round(until * steps)) ?? stages.at(-1)!;

/** For the record of a training. One stage is written as when there were no others: what was not asked for is left out. */
export function stagesIdentity(stages: Stage[]): Record<string, string | number> {
  const [{ repeatShare, randomShare }] = stages as [Stage];
  if (stages.length > 1) return { stages: stages.map((stage) => Object.values(inOrder(stage)).join(':')).join(', ') };
  return {
    'share of repeated chunks': repeatShare,
    ...(randomShare !== DEFAULTS.randomShare && { 'share of random tokens': randomShare }),
  };
}

const inOrder = ({ until, repeatShare, randomShare, context }: Stage): Stage => ({
  until,
  repeatShare,
  randomShare,
  context,
});
