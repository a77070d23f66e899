/** A multi-layer sparse autoencoder in training: its state, one step of it, what is saved. */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { MlsaePoint, TrainMlsaeParams } from '../../../protocol/training';
import { InputError } from '../../checkpoint/errors';
import type { OpenModel } from '../../circuitHandlers';
import type { StoredArrays } from '../../mlsae/corpus/store';
import { Session } from '../../runtime/session';
import type { Steps } from '../../runtime/types';
import { adamFeeds } from '../adam';
import type { Arrays, Identity, ResultFiles } from '../store';
import type { Job, StepValues } from '../trainer';
import { BEGIN, isPlace, type Activations, type Place } from './activations';
import { initialParameters, transposed } from './initial';
import { rateOf, type MlsaeSettings } from './settings';
import { emitStep } from './stepGraph';
import { ADAM, DEAD_THRESHOLD, PARAMETERS, shapeOf, stepIo } from './stepIo';

type State = Record<string, Tensor>;
const FLOATS = PARAMETERS.flatMap((name) => [name, stepIo.first(name), stepIo.second(name)]);
const STATE = [...FLOATS, stepIo.last];
type Batch = Awaited<ReturnType<Activations['next']>>;

export interface MlsaeJobParts {
  model: OpenModel;
  params: Omit<TrainMlsaeParams, 'checkpointId'>;
  settings: MlsaeSettings;
  identity: Identity;
  /** Of the corpus from a place on. */
  stream: (notice: (message: string) => void, from?: Place) => Activations;
}

export class MlsaeJob implements Job<MlsaePoint> {
  readonly kind = 'mlsae';
  readonly results = ['model.safetensors', 'config.json'];
  readonly notices: string[] = [];
  readonly dir: string;
  readonly identity: Identity;
  readonly params: MlsaeJobParts['params'];
  readonly totalSteps: number;
  readonly saveEvery: number;
  private readonly settings: MlsaeSettings;
  private stream: Activations;
  /** Where the next batch begins. */
  private place = BEGIN;
  /** Parameters, their moments, `last_nonzero`: outputs of the last step. */
  private state: State = {};
  private deadFraction = 0;
  /** Read to start the bias, then trained on. */
  private first: Batch | undefined;
  /** By whether dead latents model the error. */
  private readonly sessions = new Map<boolean, Session>();

  constructor(private readonly parts: MlsaeJobParts) {
    const { params, settings, identity } = parts;
    [this.params, this.settings, this.identity, this.dir] = [params, settings, identity, params.out];
    [this.totalSteps, this.saveEvery] = [settings.steps, settings.saveEvery];
    this.stream = parts.stream(this.notice);
  }

  private readonly notice = (message: string): void =>
    void (this.notices.includes(message) || this.notices.push(message));

  private get provider(): string {
    return this.parts.model.runner.provider;
  }

  async begin(steps: Steps): Promise<void> {
    const { settings, provider } = this;
    this.first = await this.stream.next(steps);
    const parameters = await initialParameters(settings, settings.seed, this.first.x, provider, steps);
    this.state = { ...parameters, [stepIo.last]: int64(new BigInt64Array(settings.nLatents)) };
    for (const name of PARAMETERS) {
      const shape = shapeOf(name, settings);
      const zeros = (): Tensor => floats(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
      Object.assign(this.state, { [stepIo.first(name)]: zeros(), [stepIo.second(name)]: zeros() });
    }
  }

  async restore(arrays: StoredArrays, place: unknown): Promise<void> {
    const { settings } = this;
    for (const name of FLOATS) {
      const shape = shapeOf(name.split(':')[0] as (typeof PARAMETERS)[number], settings);
      this.state[name] = floats((await arrays.read(name, shape)) as Float32Array, shape);
    }
    const last = (await arrays.read(stepIo.last, [settings.nLatents])) as BigInt64Array;
    this.state[stepIo.last] = int64(last);
    this.deadFraction = last.filter((steps) => steps >= settings.deadSteps).length / last.length;
    if (!isPlace(place))
      throw new InputError(
        l10n.t('{0}: training.json is not what a training writes: place is missing or wrong.', this.dir),
      );
    this.place = place;
    this.stream = this.parts.stream(this.notice, this.place);
  }

  async step(step: number, steps: Steps): Promise<{ tokens: number; values: StepValues<MlsaePoint> }> {
    const { settings } = this;
    const batch = this.first ?? (await this.stream.next(steps));
    const lr = rateOf(settings, step);
    const session = await this.session(settings.auxk > 0 && this.deadFraction > 0);
    await steps.step(l10n.t('Step {0} of {1}', step, settings.steps), step / settings.steps);
    const out = await session.run({ ...this.state, [stepIo.x]: batch.x, ...adamFeeds(step, lr, ADAM) });
    const number = (name: string): number => (out[name]!.data as Float32Array)[0]!;
    if (!Number.isFinite(number(stepIo.loss)) || !Number.isFinite(number(stepIo.norm)))
      throw new InputError(
        l10n.t(
          'The training diverged at step {0} (loss {1}): a smaller rate than {2} was expected, or other activations.',
          step,
          number(stepIo.loss),
          settings.lr,
        ),
      );
    for (const name of STATE) this.state[name] = out[stepIo.next(name)]!;
    this.deadFraction = number(stepIo.dead);
    this.place = batch.place;
    this.first = undefined;
    const values = { loss: number(stepIo.loss), lr, fvu: Array.from(out[stepIo.fvu]!.data as Float32Array) };
    const { deadFraction } = this;
    return {
      tokens: settings.tokens,
      values: { ...values, l0: number(stepIo.l0), deadFraction, auxLoss: number(stepIo.aux) },
    };
  }

  private async session(withAux: boolean): Promise<Session> {
    const { settings, sessions, provider } = this;
    const { threads } = settings;
    const auxk = withAux ? settings.auxk : 0;
    const session =
      sessions.get(withAux) ??
      (await Session.create(emitStep({ ...settings, auxk }), provider, { arena: true, threads }));
    sessions.set(withAux, session);
    return session;
  }

  async save(): Promise<{ arrays: Arrays; place: Place; files: ResultFiles }> {
    const { state, settings, place } = this;
    const { nInputs, nLatents, k, deadSteps, auxk, readLayers } = settings;
    // in one order, whichever the state has
    const arrays = Object.fromEntries(STATE.map((name) => [name, stored(state[name]!)]));
    const tensors = {
      'encoder.weight': stored(state['encoder']!),
      'decoder.weight': stored(await transposed(state['decoder']!)),
      pre_encoder_bias: stored(state['bias']!),
      last_nonzero: stored(state[stepIo.last]!),
    };
    const config = {
      ...{ layers: readLayers, n_inputs: nInputs, n_latents: nLatents, k },
      ...{ dead_steps_threshold: deadSteps, dead_threshold: DEAD_THRESHOLD, auxk, standardize: true, lens: false },
    };
    const files = { 'config.json': { text: `${JSON.stringify(config, null, 2)}\n` }, 'model.safetensors': { tensors } };
    return { arrays, place, files };
  }

  line({ fvu, deadFraction }: MlsaePoint): string {
    const mean = fvu.reduce((a, b) => a + b, 0) / fvu.length;
    return l10n.t('FVU {0}, {1} % dead', mean.toFixed(4), (100 * deadFraction).toFixed(1));
  }

  async dispose(): Promise<void> {
    for (const session of this.sessions.values()) await session.dispose();
    this.sessions.clear();
  }
}

const floats = (data: Float32Array, shape: number[]): Tensor => new Tensor('float32', data, shape);
const int64 = (data: BigInt64Array): Tensor => new Tensor('int64', data, [data.length]);
const stored = ({ dims, data }: Tensor): Arrays[string] => ({
  shape: [...dims],
  data: data as Float32Array | BigInt64Array,
});
