/** Runs an autoencoder. Rows go through in chunks, so that memory is bounded whatever the text's length. */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { Graph } from '../graph/transformer';
import { Session } from '../runtime/session';
import type { Steps } from '../runtime/types';
import { emitDecode, emitDecoderRows, emitEncode, io } from './encodeGraph';
import { checkDecoderRows, checkEncoded } from './finite';
import { LensRunner } from './lensRunner';
import type { Sae } from './sae';
import { Screen, type CodeTensors } from './screen';
import type { Encoded, EncodeRequest, SaeRunner } from './types';

const LIMITS = {
  /** Rows of one run. */
  rows: 1024,
  /** Activations that one run makes: rows × latents. Under 32 MiB glibc keeps the memory for the next run (measured: 10 %). */
  activations: 7 * 2 ** 20,
  /** Numbers that one run of the decoder gathers: rows × k × inputs. 2 MiB stay in the cores' caches (measured: 30 % less time). */
  gathered: 2 ** 19,
  /** Entries kept of a row when the activation is not TopK. */
  kept: 256,
  /** Fewer rows than this are not screened. It is the request's number, so that a text's codes do not depend on what was encoded before. */
  screened: 1024,
};

/** The same on a device, where a run costs more to start. */
const GATHERED_ON_DEVICE = 2 ** 23;

export interface SaeRunnerOptions {
  /** Others than the usual ones, so that tests can split small texts. */
  limits?: Partial<typeof LIMITS>;
}

const NO_STEPS: Steps = { step: async () => undefined };

/** No session is created before the first call that needs it. */
export const createSaeRunner = (sae: Sae, provider: string, { limits }: SaeRunnerOptions = {}): SaeRunner =>
  new Runner(sae, provider, { ...LIMITS, ...(provider !== 'cpu' && { gathered: GATHERED_ON_DEVICE }), ...limits });

type SessionName = 'encode' | 'encode and decode' | 'decode' | 'rows' | 'kept' | 'errors of kept';

class Runner implements SaeRunner {
  private readonly sessions = new Map<SessionName, Session>();
  private readonly lens: LensRunner;
  private screen?: Promise<Screen | undefined>;
  /** Entries of each row. */
  private readonly k: number;
  private readonly isTopK: boolean;

  constructor(
    private readonly sae: Sae,
    private readonly provider: string,
    private readonly limits: typeof LIMITS,
  ) {
    this.isTopK = sae.activate.kind === 'topk';
    this.k = Math.min(sae.nLatents, sae.activate.kind === 'topk' ? sae.activate.k : limits.kept);
    this.lens = new LensRunner(sae, provider);
  }

  async encode(request: EncodeRequest, steps: Steps = NO_STEPS): Promise<Encoded> {
    const { rows, layer, recons, codesOnly } = request;
    const { nInputs, nLatents } = this.sae;
    const n = rows.length / nInputs;
    if (!Number.isInteger(n)) throw new RangeError(`${rows.length} values are not rows of ${nInputs}`);
    const result = emptyResult(n, nInputs, this.k, recons === true && !codesOnly);
    const chunk = Math.max(1, Math.min(this.limits.rows, Math.floor(this.limits.activations / nLatents)));
    if (request.kept && !result.recons && !this.sae.tunedLens) {
      await this.encodeKept(request.kept, result, { chunk, codesOnly: codesOnly === true }, steps);
      checkEncoded(this.sae, request, result);
      return result;
    }
    const screened = await this.screened(rows, steps);
    for (let from = 0; from < n; from += chunk) {
      const to = Math.min(n, from + chunk);
      if (!screened) await steps.step(l10n.t('Encoding'), from / n);
      const x = rows.subarray(from * nInputs, to * nInputs);
      const seen = await this.lens.apply(layer, x, steps);
      const codes = screened ? tensorRows(screened, from, to) : await this.codes(seen, { decode: !codesOnly });
      this.putCodes(result, codes, from, to);
      if (codesOnly) continue;
      const decoded = (codes[io.recons] ?? (await this.decode(codes)))!.data as Float32Array;
      const restored = await this.lens.undo(layer, decoded, steps);
      result.recons?.set(restored, from * nInputs);
      squaredErrors(x, restored, nInputs, result.squaredError.subarray(from, to));
    }
    checkEncoded(this.sae, request, result);
    return result;
  }

  /** Rows that lie on a device, each tensor in chunks: what comes back are codes and squared errors. */
  private async encodeKept(
    kept: Tensor[],
    result: Encoded,
    { chunk, codesOnly }: { chunk: number; codesOnly: boolean },
    steps: Steps,
  ): Promise<void> {
    const decode = !codesOnly && !this.isTopK;
    const name = decode ? 'errors of kept' : 'kept';
    const encoder = await this.session(name, () =>
      Session.create(emitEncode(this.sae, this.k, { decode, part: true }), this.provider),
    );
    let start = 0;
    for (const x of kept) {
      const n = x.dims[0]!;
      for (let from = 0; from < n; from += chunk) {
        await steps.step(l10n.t('Encoding'), start / result.scale.length);
        const to = Math.min(n, from + chunk);
        const part = { [io.x]: x, [io.from]: int64(from), [io.to]: int64(to) };
        const codes = await encoder.run(part);
        this.putCodes(result, codes, start, start + to - from);
        const errors = codesOnly ? undefined : (codes[io.squaredError] ?? (await this.errors({ ...part, ...codes })));
        if (errors) result.squaredError.set(errors.data as Float32Array, start);
        start += to - from;
      }
    }
  }

  /** Squared errors of TopK codes. */
  private async errors(feeds: Record<string, Tensor>): Promise<Tensor> {
    const session = await this.session('errors of kept', () =>
      Session.create(emitDecode(this.sae, this.k, { part: true }), this.provider),
    );
    return (await session.run(feeds))[io.squaredError]!;
  }

  async decoderRows(latents: number[], layer?: number, steps: Steps = NO_STEPS): Promise<Float32Array> {
    if (latents.length === 0) return new Float32Array(0);
    const bad = latents.find((j) => !Number.isInteger(j) || j < 0 || j >= this.sae.nLatents);
    if (bad !== undefined) throw new RangeError(`there is no latent ${bad}`);
    // memory-mapped and on the CPU: only the rows that are asked for are touched
    const session = await this.session('rows', () => Session.create(emitDecoderRows(this.sae), 'cpu', { once: true }));
    const feeds = { [io.indices]: new Tensor('int32', Int32Array.from(latents), [latents.length]) };
    const rows = (await session.run(feeds))[io.recons]!.data as Float32Array;
    checkDecoderRows(this.sae, latents, rows);
    return layer === undefined ? rows : this.lens.undoDirections(layer, rows, steps);
  }

  async dispose(): Promise<void> {
    const all = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of all) await session.dispose();
    await (await this.screen)?.dispose();
    await this.lens.dispose();
  }

  /** The outputs of the encoder's graph; with the reconstruction where the graph makes it. */
  private async codes(x: Float32Array, { decode }: { decode: boolean }): Promise<CodeTensors> {
    const feeds = { [io.x]: new Tensor('float32', x, [x.length / this.sae.nInputs, this.sae.nInputs]) };
    return (await this.encoder(decode && !this.isTopK)).run(feeds);
  }

  /** Codes of all rows, where the screen saves time. */
  private async screened(x: Float32Array, steps: Steps): Promise<CodeTensors | undefined> {
    const n = x.length / this.sae.nInputs;
    if (n < this.limits.screened || this.sae.tunedLens || !Screen.isFor(this.sae, this.k, this.provider))
      return undefined;
    this.screen ??= Screen.create(this.sae, this.k);
    const result = await (
      await this.screen
    )?.codes({
      x,
      encode: (part) => this.codes(part, { decode: false }),
      step: (row) => steps.step(l10n.t('Encoding'), row / n),
    });
    return result?.codes;
  }

  /** One session at most holds the encoder's weights. */
  private async encoder(decode: boolean): Promise<Session> {
    const whole = this.sessions.get('encode and decode');
    if (whole) return whole;
    const emit = (): Graph => emitEncode(this.sae, this.k, { decode });
    // of TopK a run makes one block of activations; kept for the next, a sweep's runs take a third of the system's time
    const arena = this.isTopK;
    if (!decode) return this.session('encode', () => Session.create(emit(), this.provider, { arena }));
    const session = await this.session('encode and decode', () => Session.create(emit(), this.provider));
    await this.sessions.get('encode')?.dispose();
    this.sessions.delete('encode');
    return session;
  }

  /** Reconstructions of TopK codes. */
  private async decode(codes: Record<string, Tensor>): Promise<Tensor> {
    const { nInputs } = this.sae;
    const session = await this.session('decode', () => Session.create(emitDecode(this.sae, this.k), this.provider));
    const n = codes[io.values]!.dims[0]!;
    const chunk = Math.max(1, Math.floor(this.limits.gathered / (this.k * nInputs)));
    if (chunk >= n) return (await session.run(codes))[io.recons]!;
    const recons = new Float32Array(n * nInputs);
    for (let from = 0; from < n; from += chunk) {
      const part = tensorRows(codes, from, Math.min(n, from + chunk));
      recons.set((await session.run(part))[io.recons]!.data as Float32Array, from * nInputs);
    }
    return new Tensor('float32', recons, [n, nInputs]);
  }

  private putCodes(result: Encoded, codes: Record<string, Tensor>, from: number, to: number): void {
    const { k } = this;
    const values = codes[io.values]!.data as Float32Array;
    result.values.set(values, from * k);
    result.indices.set(codes[io.indices]!.data as Int32Array, from * k);
    const scale = codes[io.std];
    if (scale) result.scale.set(scale.data as Float32Array, from);
    else result.scale.fill(1, from, to);
    const { l0, l1 } = this.isTopK
      ? norms(values, k)
      : { l0: codes[io.l0]!.data as Float32Array, l1: codes[io.l1]!.data as Float32Array };
    result.l0.set(l0, from);
    result.l1.set(l1, from);
  }

  private async session(name: SessionName, create: () => Promise<Session>): Promise<Session> {
    const session = this.sessions.get(name) ?? (await create());
    this.sessions.set(name, session);
    return session;
  }
}

const int64 = (value: number): Tensor => new Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);

function emptyResult(n: number, nInputs: number, k: number, recons: boolean): Encoded {
  return {
    k,
    indices: new Int32Array(n * k),
    values: new Float32Array(n * k),
    l0: new Float32Array(n),
    l1: new Float32Array(n),
    squaredError: new Float32Array(n).fill(NaN),
    scale: new Float32Array(n),
    ...(recons && { recons: new Float32Array(n * nInputs) }),
  };
}

const tensorRows = (tensors: CodeTensors, from: number, to: number): CodeTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, rowsOf(tensor, from, to)]));

function rowsOf({ type, data, dims }: Tensor, from: number, to: number): Tensor {
  const width = dims.slice(1).reduce((a, b) => a * b, 1);
  const part = (data as Float32Array).subarray(from * width, to * width);
  return new Tensor(type, part, [to - from, ...dims.slice(1)]);
}

/** Number and sum of the activations of each row. */
function norms(values: Float32Array, k: number): { l0: Float32Array; l1: Float32Array } {
  const l0 = new Float32Array(values.length / k);
  const l1 = new Float32Array(values.length / k);
  for (let row = 0; row < l0.length; row++) {
    let [active, sum] = [0, 0];
    for (let i = row * k; i < (row + 1) * k && values[i]! > 0; i++) {
      active++;
      sum += values[i]!;
    }
    l0[row] = active;
    l1[row] = sum;
  }
  return { l0, l1 };
}

/** Σ (x − x̃)² of each row, summed in float64. */
function squaredErrors(x: Float32Array, recons: Float32Array, nInputs: number, into: Float32Array): void {
  for (let row = 0, i = 0; row < into.length; row++) {
    let sum = 0;
    for (const end = (row + 1) * nInputs; i < end; i++) {
      const off = x[i]! - recons[i]!;
      sum += off * off;
    }
    into[row] = sum;
  }
}
