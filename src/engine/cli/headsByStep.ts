/** `circuitscope compare --steps`: how the scores of heads change over the steps of a training. */
import { headName } from '../../protocol/checkpoint';
import type { HeadScore } from '../../protocol/circuits';
import type { TrainingStep } from '../../protocol/compare';
import { InputError } from '../checkpoint/errors';
import { trainingSteps } from '../checkpoint/steps';
import { headScores } from '../circuits/headScores';
import { randomParams, type RandomOptions } from './heads';
import { noSteps, withModel } from './open';
import { note, printJson, table } from './print';

interface ScoredStep extends TrainingStep {
  heads: HeadScore[];
}

type Shown = 'previousToken' | 'induction';
const shown: [Shown, string][] = [
  ['previousToken', 'previous'],
  ['induction', 'induction'],
];

/**
 * Opens one step after another. One that does not open is left out with a notice.
 * @param top heads whose scores are listed by step
 * @throws InputError when none opens
 */
export async function headsByStep(folder: string, options: RandomOptions, top: number): Promise<void> {
  const found = await trainingSteps({ folder });
  found.notices.forEach(note);
  const params = randomParams(options);
  const scored: ScoredStep[] = [];
  let last: InputError | undefined;
  for (const step of found.steps) {
    try {
      await withModel(step.path, options, async (model) => {
        scored.push({ ...step, heads: (await headScores(model, params, noSteps)).heads });
      });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      note(`${step.name} is left out: ${error.message}`);
      last = error;
    }
  }
  if (scored.length === 0) throw last!;
  if (options.json) return printJson({ folder: found.folder, steps: scored });
  process.stdout.write(asText(scored, top));
}

function asText(scored: ScoredStep[], top: number): string {
  const maxima = scored.map(({ step, heads }) => [
    `${step}`,
    ...shown.flatMap(([name]) => {
      const best = heads.reduce<HeadScore | undefined>((a, b) => (a && a[name] >= b[name] ? a : b), undefined);
      return best ? [best[name].toFixed(3), headName(best)] : ['', ''];
    }),
  ]);
  const columns = shown.flatMap(([, label]) => [label, 'head']);
  return [table([['step', ...columns], ...maxima], [0, 1, 3]), headTable(scored, top), ''].join('\n\n');
}

/** The heads with the largest scores at any step, each score by step. */
function headTable(scored: ScoredStep[], top: number): string {
  const keys = new Map<string, { name: Shown; label: string; ref: HeadScore; max: number }>();
  for (const { heads } of scored)
    for (const ref of heads)
      for (const [name, label] of shown) {
        const key = `${headName(ref)} ${label}`;
        keys.set(key, { name, label, ref, max: Math.max(ref[name], keys.get(key)?.max ?? 0) });
      }
  const best = [...keys.values()].sort((a, b) => b.max - a.max).slice(0, top);
  const rows = best.map(({ name, label, ref }) => [
    headName(ref),
    label,
    ...scored.map(({ heads }) => {
      const score = heads.find(({ layer, head }) => layer === ref.layer && head === ref.head);
      return score ? score[name].toFixed(3) : '';
    }),
  ]);
  const columns = scored.map(({ step }) => `${step}`);
  return table(
    [['head', 'score', ...columns], ...rows],
    columns.map((_, i) => i + 2),
  );
}
