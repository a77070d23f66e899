/** Histories of trainings by formula: what a test expects is computed from the same. */
import type { MlsaePoint, ToyPoint } from '../../../src/protocol/training';
import type { TrainingAttention, TrainingInfo, TrainingPoints } from '../../../src/protocol/trainingPanel';

export interface TrainingData {
  trainings: TrainingInfo[];
  points: TrainingPoints[];
  attention: TrainingAttention[];
}

export const TOTAL = 1000;

const point = (step: number, loss: number): MlsaePoint => ({
  ...{ step, tokens: step * 2048, lr: 1e-4, tokensPerSecond: 3210 },
  loss,
  fvu: Array.from({ length: 6 }, (_, layer) => loss * (0.6 + 0.15 * layer)),
  l0: 31.5,
  deadFraction: 0.2 * (1 - Math.exp(-step / 300)),
  auxLoss: 0.01,
});

/** Every tenth step to `last`. */
export const mlsaePoints = (last: number, scale = 1): MlsaePoint[] =>
  Array.from({ length: last / 10 }, (_, i) => point(10 * (i + 1), scale * (0.12 + 0.8 * Math.exp(-(i + 1) / 12))));

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Measured at every fiftieth step; an induction head (L1H5) forms at step 500. */
export const toyPoints = (last: number): ToyPoint[] =>
  Array.from({ length: last / 10 }, (_, i): ToyPoint => {
    const step = 10 * (i + 1);
    const formed = sigmoid((step - 500) / 40);
    const loss = 2.5 + 5 * Math.exp(-step / 120) - 0.6 * formed;
    const base = { step, tokens: step * 4096, loss, lr: 2e-3, tokensPerSecond: 5120 };
    if (step % 50 > 0) return base;
    const grid = (layer: number, head: number, value: number): number[][] =>
      [0, 1].map((l) =>
        Array.from({ length: 8 }, (_, h) => (l === layer && h === head ? value : 0.02 + 0.01 * ((3 * h + l) % 5))),
      );
    return {
      ...base,
      lossByPosition: Array.from({ length: 16 }, (_, p) => loss + 1.2 * Math.exp(-p / 3) - 0.1 * formed),
      inContext: -0.1 - 0.4 * formed,
      previousToken: grid(0, 4, 0.9 * sigmoid((step - 400) / 40)),
      induction: grid(1, 5, 0.8 * formed),
      kComposition: Array.from({ length: 8 }, (_, h) => (h === 5 ? 0.3 * formed : 0.04 + 0.005 * h)),
    };
  });

export const mlsaeInfo = (name: string, step: number, more: Partial<TrainingInfo> = {}): TrainingInfo => ({
  ...{ dir: `/trainings/${name}`, name, kind: 'mlsae', state: 'running' },
  ...{ step, totalSteps: TOTAL, tokens: step * 2048, tokensPerSecond: 3210, secondsLeft: 410 },
  ...{ savedStep: step, notices: [] },
  ...more,
});

const TOKENS = 'function·add(a,·b)·{·return·a·+·b;·}·add(1,'.split(/(?<=[·(),{};])|(?=[·(),{};])/).map((t) => t.replace('·', ' ')); // prettier-ignore

/** Attention to what followed the same token, else to the first. */
function inductionPattern(): Float32Array {
  const n = TOKENS.length;
  const pattern = new Float32Array(n * n);
  for (let dst = 0; dst < n; dst++) {
    const before = TOKENS.slice(0, dst).lastIndexOf(TOKENS[dst]!);
    if (before < 0) pattern[dst * n] = 1;
    else {
      pattern[dst * n + before + 1] = 0.75;
      pattern[dst * n]! += 0.25;
    }
  }
  return pattern;
}

/** Scenarios: one MLSAE that runs, two of them compared, a toy. */
export function trainingData(scenario: string | undefined): TrainingData {
  if (scenario === 'zero') return { trainings: [], points: [], attention: [] };
  if (scenario === 'wide') {
    const dir = '/trainings/toy-2l';
    const info = mlsaeInfo('toy-2l', 800, { kind: 'toy', tokens: 800 * 4096, tokensPerSecond: 5120, secondsLeft: 160 });
    const attention = {
      head: { layer: 1, head: 5 },
      score: 'induction 0.80',
      tokens: TOKENS,
      pattern: inductionPattern(),
    };
    return { trainings: [info], points: [{ dir, from: 0, points: toyPoints(800) }], attention: [{ dir, attention }] };
  }
  const first = mlsaeInfo('mlsae-neox-6l-x16-k32', 600);
  const data: TrainingData = {
    trainings: [first],
    points: [{ dir: first.dir, from: 0, points: mlsaePoints(600) }],
    attention: [],
  };
  if (scenario !== 'long') return data;
  const second = mlsaeInfo('mlsae-neox-6l-x16-k16', TOTAL, { state: 'complete' });
  const failed = mlsaeInfo('broken', 20, {
    state: 'failed',
    message: 'The loss is not finite at step 21.',
    savedStep: 0,
  });
  data.trainings.unshift(second, failed);
  data.points.push({ dir: second.dir, from: 0, points: mlsaePoints(TOTAL, 1.4) });
  data.points.push({ dir: failed.dir, from: 0, points: mlsaePoints(20, 2) });
  return data;
}
