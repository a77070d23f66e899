/** Tuned-lens translators: x' = x + x W_Tᵀ + b before the encoder, undone after the decoder. */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import { InputError } from '../checkpoint/errors';
import { DataType, GraphBuilder, type Value } from '../graph/builder';
import { Weights } from '../graph/weights';
import { Session } from '../runtime/session';
import type { Steps } from '../runtime/types';
import { WeightGraph } from '../runtime/weightRun';
import type { Sae } from './sae';

type Translator = NonNullable<ReturnType<NonNullable<Sae['tunedLens']>['get']>>;

/** ‖I − A X‖_F² that ends the iteration: the step that is taken then squares it. */
const INVERSE_ERROR = 1e-10;
/** The iteration doubles the digits once it is near; before, it gains a factor of two in the condition number. */
const MAX_ITERATIONS = 100;

/** One session for each way and layer, created by the first call that needs it. */
export class LensRunner {
  private readonly forward = new Map<number, WeightGraph>();
  private readonly backward = new Map<number, { graph: WeightGraph; inverse: Tensor }>();

  constructor(
    private readonly sae: Sae,
    private readonly provider: string,
  ) {}

  /** Rows of a layer as the encoder takes them; themselves without a tuned lens. */
  async apply(layer: number, x: Float32Array, steps: Steps): Promise<Float32Array> {
    const translator = this.translator(layer);
    if (!translator) return x;
    let graph = this.forward.get(layer);
    if (!graph) {
      await steps.step(l10n.t('Loading the tuned lens of layer {0}', layer));
      graph = await WeightGraph.create(this.sae, this.provider, (g, w) => {
        const rows = g.input('x', DataType.FLOAT, ['row', this.sae.nInputs]);
        const change = g.op('Gemm', [rows, w.float(g, translator.weight), w.float(g, translator.bias)], { transB: 1 });
        return { y: g.op('Add', [rows, change]) };
      });
      this.forward.set(layer, graph);
    }
    return (await graph.run({ x: this.rows(x) })).y!.data;
  }

  /** Decoded rows of a layer as the model takes them: (y − b) (I + W_Tᵀ)⁻¹. */
  async undo(layer: number, y: Float32Array, steps: Steps): Promise<Float32Array> {
    const translator = this.translator(layer);
    if (!translator) return y;
    let way = this.backward.get(layer);
    if (!way) {
      await steps.step(l10n.t('Inverting the tuned lens of layer {0}', layer));
      const { nInputs } = this.sae;
      const inverse = await invertTranslator(this.sae, translator, steps);
      const graph = await WeightGraph.create(this.sae, this.provider, (g, w) => {
        const rows = g.op('Sub', [g.input('x', DataType.FLOAT, ['row', nInputs]), w.float(g, translator.bias)]);
        return { y: g.op('MatMul', [rows, g.input('inverse', DataType.FLOAT, [nInputs, nInputs])]) };
      });
      way = { graph, inverse: new Tensor('float32', inverse, [nInputs, nInputs]) };
      this.backward.set(layer, way);
    }
    return (await way.graph.run({ x: this.rows(y), inverse: way.inverse })).y!.data;
  }

  /** What differences of decoded rows become: y (I + W_Tᵀ)⁻¹. */
  async undoDirections(layer: number, y: Float32Array, steps: Steps): Promise<Float32Array> {
    if (!this.translator(layer)) return y;
    const origin = await this.undo(layer, new Float32Array(this.sae.nInputs), steps);
    const moved = await this.undo(layer, y, steps);
    return moved.map((value, i) => value - origin[i % origin.length]!);
  }

  async dispose(): Promise<void> {
    const all = [...this.forward.values(), ...[...this.backward.values()].map(({ graph }) => graph)];
    this.forward.clear();
    this.backward.clear();
    for (const graph of all) await graph.dispose();
  }

  private translator(layer: number): Translator | undefined {
    if (!this.sae.tunedLens) return undefined;
    const translator = this.sae.tunedLens.get(layer);
    if (!translator) throw new InputError(l10n.t('The tuned lens has no translator of layer {0}.', layer));
    return translator;
  }

  private rows(x: Float32Array): Tensor {
    return new Tensor('float32', x, [x.length / this.sae.nInputs, this.sae.nInputs]);
  }
}

/**
 * (I + W_Tᵀ)⁻¹ by Newton's iteration X ← X (2I − A X) in float64, from X = Aᵀ / (‖A‖₁ ‖A‖_∞) (Ben-Israel, Pan and Reif).
 * @throws InputError when A has no inverse that float64 can tell
 */
async function invertTranslator(sae: Sae, translator: Translator, steps: Steps): Promise<Float32Array> {
  const n = sae.nInputs;
  const first = await doubleSession(
    sae,
    (g, a) => {
      const norm = (axis: number): Value =>
        g.op('ReduceMax', [g.op('ReduceSum', [g.op('Abs', [a]), g.ints([axis])], { keepdims: 0 })], { keepdims: 0 });
      return { x: g.op('Div', [g.op('Transpose', [a], { perm: [1, 0] }), g.op('Mul', [norm(0), norm(1)])]) };
    },
    translator,
  );
  let x = (await first.run({})).x!;
  await first.dispose();
  const next = await doubleSession(
    sae,
    (g, a) => {
      const given = g.input('given', DataType.DOUBLE, [n, n]);
      const eye = g.op('EyeLike', [a], { dtype: DataType.DOUBLE });
      const error = g.op('Sub', [eye, g.op('MatMul', [a, given])]);
      return {
        x: g.op('Add', [given, g.op('MatMul', [given, error])]),
        error: g.op('ReduceSumSquare', [error], { keepdims: 0 }),
      };
    },
    translator,
  );
  try {
    for (let i = 0; i < MAX_ITERATIONS; i++) {
      await steps.step(l10n.t('Inverting the tuned lens'), i / MAX_ITERATIONS);
      const result = await next.run({ given: x });
      x = result.x!;
      const [error] = result.error!.data as Float64Array;
      if (Number.isNaN(error)) break;
      if (error! < INVERSE_ERROR) return Float32Array.from(x.data as Float64Array);
    }
  } finally {
    await next.dispose();
  }
  throw new InputError(
    l10n.t('{0}: I + W has no inverse, which the tuned lens needs after the decoder.', translator.weight.tensor),
  );
}

/** A graph over A = I + W_Tᵀ in float64, on the CPU. */
async function doubleSession(
  sae: Sae,
  emit: (g: GraphBuilder, a: Value) => Record<string, Value>,
  { weight }: Translator,
): Promise<Session> {
  const g = new GraphBuilder();
  const w = new Weights(sae);
  const stored = g.op('Cast', [w.float(g, weight)], { to: DataType.DOUBLE });
  const a = g.op('Add', [
    g.op('Transpose', [stored], { perm: [1, 0] }),
    g.op('EyeLike', [stored], { dtype: DataType.DOUBLE }),
  ]);
  const values = emit(g, a);
  const outputs = Object.keys(values);
  for (const name of outputs) g.alias(values[name]!, name);
  const graph = g.build(outputs.map((name) => ({ name, dtype: DataType.DOUBLE })));
  return Session.create({ ...graph, outputs, folder: w.folder }, 'cpu');
}
