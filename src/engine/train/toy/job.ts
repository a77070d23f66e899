/** A toy transformer in training: its state is the tensors that each step takes and gives. */
import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import type { ToyPoint, TrainToyParams } from '../../../protocol/training';
import type { ModelDescription } from '../../checkpoint/description';
import { InputError } from '../../checkpoint/errors';
import type { TensorData } from '../../checkpoint/safetensors';
import { weightRefs } from '../../checkpoint/usedWeights';
import { partsComma } from '../../mlsae/corpus/progress';
import * as saved from '../../mlsae/corpus/savedNotices';
import type { StoredArrays } from '../../mlsae/corpus/store';
import type { Batch } from '../../graph/transformer';
import { Session } from '../../runtime/session';
import type { Steps } from '../../runtime/types';
import { specialTokens } from '../bpe/files';
import { adamFeeds, type AdamOptions } from '../adam';
import type { Arrays, Identity, ResultFiles } from '../store';
import type { Job, Measurement, StepValues } from '../trainer';
import { batchInputs, positionFeeds, windowFeeds } from './feeds';
import { measure, type Measured } from './measure';
import { initialWeights, toyConfig, toyDescription, toyParameters, type Parameter, type ToySizes } from './model';
import { stageAt, type Stage } from './stages';
import { emitStep, stepNames } from './stepGraph';
import type { ToyTokenizer } from './toyTokenizer';
import type { ToyTokens } from './tokens';
import { firstPositions, trainingWindows } from './windows';

/** Those with which the samples were trained. */
const ADAM: AdamOptions = { beta1: 0.9, beta2: 0.98, epsilon: 1e-9, weightDecay: 0.05, clip: 1 };
/** Steps until the rate is at its peak, at most, and part of the steps; what is left of the rate at the end. */
const WARM_UP = { steps: 150, share: 0.1 };
const LAST_RATE = 0.05;
/** Held-out sequences that a measurement reads, and tokens of the snippet that it shows. */
const HELD_OUT = 8;
const SNIPPET = 64;
const TOKENIZER = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'];
const RESULTS = ['config.json', 'model.safetensors', ...TOKENIZER];

export interface ToySettings {
  sizes: ToySizes;
  steps: number;
  batch: number;
  lr: number;
  stages: Stage[];
  saveEvery: number;
  measureEvery: number;
  seed: number;
  snippet: string | undefined;
  threads?: number;
}

/** The tokenizer and the corpus in its tokens. */
export interface ToyText {
  tokenizer: ToyTokenizer;
  tokens: ToyTokens;
}

/** Linear warm-up, then a cosine. @param step from 1 */
export function rateOf(step: number, { steps, lr }: Pick<ToySettings, 'steps' | 'lr'>): number {
  const warmUp = Math.max(1, Math.min(WARM_UP.steps, Math.round(WARM_UP.share * steps)));
  const cosine = 0.5 * (1 + Math.cos((Math.PI * step) / steps));
  return lr * Math.min(1, step / warmUp) * (LAST_RATE + (1 - LAST_RATE) * cosine);
}

/** What there is once the corpus is read. */
interface Loaded extends ToyText {
  sizes: ToySizes;
  parameters: Parameter[];
  measured: Measured;
}

/** What runs a step with sequences of one length. */
interface Stepper {
  batch: Batch;
  session: Session;
  /** Inputs that no step changes. */
  fixed: Record<string, Tensor>;
}

export class ToyJob implements Job<ToyPoint> {
  readonly kind = 'toy';
  readonly dir: string;
  readonly totalSteps: number;
  readonly saveEvery: number;
  readonly results = [...RESULTS];
  readonly notices: string[] = [];
  private loaded: Loaded | undefined;
  /** Of the stage that is being trained. */
  private stepper: Stepper | undefined;
  /** Weights and moments by their names in the graph. */
  private state: Record<string, Tensor> = {};
  private last: Partial<ToyPoint> = {};

  /** @param read called once, when training begins or goes on */
  constructor(
    readonly params: TrainToyParams,
    readonly identity: Identity,
    private readonly settings: ToySettings,
    private readonly read: (steps: Steps) => Promise<ToyText>,
  ) {
    this.dir = params.out;
    this.totalSteps = settings.steps;
    this.saveEvery = settings.saveEvery;
  }

  async begin(steps: Steps): Promise<void> {
    const { measured, parameters } = await this.load(steps);
    const weights = initialWeights(measured.checkpoint.description, this.settings.seed);
    for (const { name, shape } of parameters) {
      const values = weights.get(name)!;
      this.state[name] = new Tensor('float32', values, shape);
      for (const moment of momentsOf(name))
        this.state[moment] = new Tensor('float32', new Float32Array(values.length), shape);
    }
  }

  async restore(arrays: StoredArrays, _place: unknown, steps: Steps): Promise<void> {
    const { parameters } = await this.load(steps);
    for (const { name, shape } of parameters)
      for (const each of [name, ...momentsOf(name)])
        this.state[each] = new Tensor('float32', (await arrays.read(each, shape)) as Float32Array, shape);
  }

  async step(step: number): Promise<{ tokens: number; values: StepValues<ToyPoint> }> {
    const { tokens, sizes } = this.open();
    const { stages, seed } = this.settings;
    const stage = stageAt(stages, step, this.totalSteps);
    const { batch, session, fixed } = await this.stepperOf(stage.context);
    const windows = trainingWindows(tokens.train, batch, { ...stage, seed, step, vocab: sizes.vocab });
    const positions = positionFeeds(firstPositions(batch, sizes.context, { seed, step }), batch);
    const lr = rateOf(step, this.settings);
    const data = { ...fixed, ...positions, ...windowFeeds(windows, batch) };
    const feeds = { ...data, ...this.state, ...adamFeeds(step, lr, ADAM) };
    const results = await session.run(feeds);
    const [loss, norm] = [stepNames.loss, stepNames.norm].map((name) => (results[name]!.data as Float32Array)[0]!);
    // else the weights would be no numbers either
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      throw new InputError(
        l10n.t(
          'Training diverged at step {0}: the loss is {1}, its gradient {2}; a smaller rate than {3} may help.',
          step,
          loss!,
          norm!,
          this.settings.lr,
        ),
      );
    for (const name of Object.keys(this.state)) this.state[name] = results[stepNames.next(name)]!;
    return { tokens: batch.sequences * batch.length, values: { loss: loss!, lr } };
  }

  async measure(step: number, steps: Steps): Promise<Measurement<ToyPoint> | undefined> {
    const { measureEvery } = this.settings;
    if (step % measureEvery !== 0 && step !== this.totalSteps) return undefined;
    const measured = await measure(this.open().measured, this.weights(), quiet(steps));
    this.last = measured.values;
    return measured;
  }

  async save(step: number): Promise<{ arrays: Arrays; place: unknown; files: ResultFiles }> {
    const { sizes, tokenizer } = this.open();
    const arrays = Object.fromEntries(Object.entries(this.state).map(([name, tensor]) => [name, dataOf(tensor)]));
    const checkpoint: ResultFiles = {
      'config.json': { text: json(toyConfig(sizes)) },
      'tokenizer.json': { text: json(tokenizer.json) },
      'tokenizer_config.json': { text: json(tokenizer.config) },
      'special_tokens_map.json': { text: json(specialTokens) },
      'model.safetensors': { tensors: this.weights() },
    };
    const kept = step % this.saveEvery === 0 || step === this.totalSteps;
    const named = Object.entries(checkpoint).map(([name, file]) => [`step${step}/${name}`, file] as const);
    return { arrays, place: null, files: { ...checkpoint, ...(kept && Object.fromEntries(named)) } };
  }

  /** With what was measured last. */
  line({ lr }: ToyPoint): string {
    const { induction, previousToken, inContext } = this.last;
    const largest = (grid: number[][]): string => Math.max(...grid.flat()).toFixed(2);
    const parts = [
      l10n.t('rate {0}', lr.toPrecision(2)),
      inContext !== undefined && l10n.t('in-context {0}', inContext.toFixed(2)),
      previousToken && l10n.t('previous token {0}', largest(previousToken)),
      induction && l10n.t('induction {0}', largest(induction)),
    ];
    return parts.filter(Boolean).join(partsComma());
  }

  async dispose(): Promise<void> {
    await this.stepper?.session.dispose();
    this.stepper = this.loaded = undefined;
  }

  private async stepperOf(length: number): Promise<Stepper> {
    if (this.stepper?.batch.length === length) return this.stepper;
    await this.stepper?.session.dispose();
    this.stepper = undefined;
    const { measured, sizes } = this.open();
    const { description } = measured.checkpoint;
    const batch = { sequences: (this.settings.batch * sizes.context) / length, length };
    const { threads } = this.settings;
    const session = await Session.create(emitStep(description, batch, ADAM), 'cpu', { arena: true, threads });
    this.stepper = { batch, session, fixed: batchInputs(description, batch) };
    return this.stepper;
  }

  private open(): Loaded {
    if (!this.loaded) throw new Error('the training has not begun');
    return this.loaded;
  }

  /** What a checkpoint stores; positions also where a model without layers does not train them. */
  private weights(): Arrays {
    const { measured, parameters } = this.open();
    const trained = parameters.map(({ name }) => [name, dataOf(this.state[name]!)] as const);
    return Object.fromEntries([...untrained(measured.checkpoint.description), ...trained]);
  }

  private async load(steps: Steps): Promise<Loaded> {
    const text = await this.read(steps);
    const { tokenizer, tokens } = text;
    const sizes = { ...this.settings.sizes, vocab: tokenizer.vocab };
    const notice = saved.smallerVocabulary(sizes.vocab, this.settings.sizes.vocab);
    if (sizes.vocab < this.settings.sizes.vocab && !this.notices.includes(notice)) this.notices.push(notice);
    const d = toyDescription(sizes);
    this.loaded = {
      ...text,
      sizes,
      parameters: toyParameters(d),
      measured: {
        checkpoint: checkpointOf(d, tokenizer, this.dir),
        heldOut: heldOutSequences(tokens.heldOut, sizes.context),
        snippet: snippetOf(tokenizer, tokens, sizes.context, this.settings.snippet),
      },
    };
    return this.loaded;
  }
}

const momentsOf = (name: string): string[] => [stepNames.first(name), stepNames.second(name)];
const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;
const dataOf = ({ data, dims }: Tensor): TensorData => ({ shape: [...dims], data: data as Float32Array });
/** Cancels, and says nothing: what is measured takes a moment. */
const quiet = (steps: Steps): Steps => ({ step: () => steps.step(l10n.t('Measuring heads')) });

/** Weights that the description names and that nothing trains: zeros. */
const untrained = (d: ModelDescription): [string, TensorData][] => {
  const trained = new Set(toyParameters(d).map(({ name }) => name));
  return weightRefs(d)
    .filter(({ tensor }) => !trained.has(tensor))
    .map(({ tensor, shape }) => [tensor, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }]);
};

function checkpointOf(
  description: ModelDescription,
  { tokenizer, bosId }: ToyTokenizer,
  dir: string,
): Measured['checkpoint'] {
  const specialIds = new Set([bosId, ...(tokenizer.specialIds ?? [])]);
  const sizes = { nParams: 0, bytes: 0, dtypes: ['F32'], notices: [] };
  return { path: dir, name: basename(dir), description, tokenizer, bosId, specialIds, ...sizes };
}

/** Sequences spread over what was held out. */
function heldOutSequences(tokens: Int32Array, length: number): number[][] {
  const count = Math.min(HELD_OUT, Math.floor(tokens.length / length));
  const apart = Math.floor(tokens.length / Math.max(1, count));
  return Array.from({ length: count }, (_, i) => Array.from(tokens.subarray(i * apart, i * apart + length)));
}

/** The given text, or the beginning of what was held out. */
function snippetOf(
  { tokenizer, bosId }: ToyTokenizer,
  { heldOut }: ToyTokens,
  context: number,
  text: string | undefined,
): Measured['snippet'] {
  const all =
    text === undefined ? Array.from(heldOut.subarray(0, SNIPPET)) : tokenizer.encode(text).map(({ id }) => id);
  const ids = [bosId, ...all.filter((id, i) => i > 0 || id !== bosId)].slice(0, Math.min(SNIPPET, context));
  return { ids, texts: ids.map((id) => tokenizer.tokenText(id)) };
}
