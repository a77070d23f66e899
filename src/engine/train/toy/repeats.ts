/** How often a training repeats chunks, as it goes on. */
import type { RepeatStage, TrainToyParams } from '../../../protocol/training';
import { InputError } from '../../checkpoint/errors';

/** A stretch of a training with nothing left open. */
export type Stage = Required<RepeatStage>;

export const REPEAT_DEFAULTS = { repeatShare: 0.3, randomShare: 0.25 };

const isShare = (value: number): boolean => value >= 0 && value <= 1;

/** @throws InputError for shares that are none, and stages that do not follow one another */
export function repeatStages(params: Pick<TrainToyParams, 'repeatShare' | 'randomShare' | 'repeatStages'>): Stage[] {
  const { repeatShare = REPEAT_DEFAULTS.repeatShare, randomShare = REPEAT_DEFAULTS.randomShare } = params;
  for (const [name, value] of Object.entries({ repeatShare, randomShare })) checkShare(name, value);
  const { repeatStages: given } = params;
  if (!given) return [{ until: 1, repeatShare, randomShare }];
  if (params.repeatShare !== undefined)
    throw new InputError('repeatShare and repeatStages were given, one of them was expected.');
  if (given.length === 0) throw new InputError('repeatStages is empty, at least one stage was expected.');
  const stages = given.map((stage) => ({ randomShare, ...stage }));
  stages.forEach((stage, i) => {
    const where = `repeatStages[${i}]`;
    checkShare(`${where}.repeatShare`, stage.repeatShare);
    checkShare(`${where}.randomShare`, stage.randomShare);
    const before = i === 0 ? 0 : stages[i - 1]!.until;
    if (!(stage.until > before && stage.until <= 1))
      throw new InputError(`${where}.until is ${stage.until}, a number above ${before} and up to 1 was expected.`);
  });
  const { until } = stages.at(-1)!;
  if (until !== 1)
    throw new InputError(`repeatStages ends at ${until} of the training, a last stage until 1 was expected.`);
  return stages;
}

function checkShare(name: string, value: number): void {
  if (!isShare(value)) throw new InputError(`${name} is ${value}, a share from 0 to 1 was expected.`);
}

/** The stage of a step. @param step from 1 */
export const stageOf = (stages: Stage[], step: number, steps: number): Stage =>
  stages.find(({ until }) => step <= Math.round(until * steps)) ?? stages.at(-1)!;

/** For the record of a training. One stage as before there were more: the share alone where the rest is the default. */
export function repeatIdentity(stages: Stage[]): Record<string, string | number> {
  const [{ repeatShare, randomShare }] = stages as [Stage];
  if (stages.length > 1)
    return {
      'stages of repeated chunks': stages.map((s) => `${s.until}:${s.repeatShare}:${s.randomShare}`).join(', '),
    };
  return {
    'share of repeated chunks': repeatShare,
    ...(randomShare !== REPEAT_DEFAULTS.randomShare && { 'share of random tokens': randomShare }),
  };
}
