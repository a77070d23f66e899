/** Every head's matrices in float64 by stored tensor names, norms folded in or not. Shares no code with the engine. */
import { EigenvalueDecomposition, Matrix as MlMatrix } from 'ml-matrix';
import { part, product } from './frozen64';
import type { Matrix, Stored } from './naive/math';
import { transpose } from './naive/math';
import type { Config, Weights } from './naive/pass';

export interface Head64 {
  /** `[d_model][d_head]` */
  W_Q: Matrix;
  W_K: Matrix;
  W_V: Matrix;
  /** `[d_head][d_model]` */
  W_O: Matrix;
}

export interface Heads64 {
  W_E: Matrix;
  W_U: Matrix;
  /** `[layer][head]` */
  heads: Head64[][];
  dHead: number;
}

const turned = (m: Matrix): Matrix => m[0]!.map((_, c) => m.map((row) => row[c]!));
const columns = (m: Matrix, from: number, n: number): Matrix => m.map((row) => row.slice(from, from + n));
const rows = (m: Matrix, from: number, n: number): Matrix => m.slice(from, from + n);

type Fold = (W: Matrix, norm: string) => Matrix;

/** Where each family keeps its heads. Everything is `[in][out]` before it is cut. */
export function heads64(config: Config, weights: Weights, fold: boolean): Heads64 {
  const type = String(config.model_type);
  const find = (name: string): Stored | undefined => weights.get(name) ?? weights.get(`transformer.${name}`);
  const get = (name: string): Stored => {
    const found = find(name);
    if (!found) throw new Error(`no tensor ${name}`);
    return found;
  };
  const inOut = (name: string): Matrix => part(get(name));
  const outIn = (name: string): Matrix => part(transpose(get(name)));
  const number = (key: string): number => config[key] as number;
  const layerNorm = type === 'gpt2' || type === 'gpt_neox' || type === 'attn_only';
  const normed = type !== 'attn_only' || config.normalization_type !== null;
  const folded: Fold = (W, norm) => {
    if (!fold || !normed) return W;
    const gain = find(`${norm}.weight`) ?? find(`${norm}.w`);
    const gained = W.map((row, i) => row.map((value) => value * (gain ? gain.data[i]! : 1)));
    if (!layerNorm) return gained;
    const means = gained[0]!.map((_, c) => gained.reduce((sum, row) => sum + row[c]!, 0) / gained.length);
    return gained.map((row) => row.map((value, c) => value - means[c]!));
  };
  const layers = <T>(key: string, of: (layer: number) => T): T[] =>
    Array.from({ length: number(key) }, (_, layer) => of(layer));
  const each = (n: number, of: (head: number) => Head64): Head64[] => Array.from({ length: n }, (_, head) => of(head));

  if (type === 'gpt2') {
    const [d, n] = [number('n_embd'), number('n_head')];
    const dHead = d / n;
    const heads = layers('n_layer', (l) => {
      const all = folded(inOut(`h.${l}.attn.c_attn.weight`), `h.${l}.ln_1`);
      const out = inOut(`h.${l}.attn.c_proj.weight`);
      return each(n, (h) => ({
        W_Q: columns(all, h * dHead, dHead),
        W_K: columns(all, d + h * dHead, dHead),
        W_V: columns(all, 2 * d + h * dHead, dHead),
        W_O: rows(out, h * dHead, dHead),
      }));
    });
    const unembed = find('lm_head.weight') ? 'lm_head.weight' : 'wte.weight';
    return { W_E: inOut('wte.weight'), W_U: folded(outIn(unembed), 'ln_f'), heads, dHead };
  }
  if (type === 'gpt_neox') {
    const [d, n] = [number('hidden_size'), number('num_attention_heads')];
    const dHead = d / n;
    const heads = layers('num_hidden_layers', (l) => {
      const layer = `gpt_neox.layers.${l}`;
      const all = folded(outIn(`${layer}.attention.query_key_value.weight`), `${layer}.input_layernorm`);
      const out = outIn(`${layer}.attention.dense.weight`);
      return each(n, (h) => ({
        W_Q: columns(all, 3 * h * dHead, dHead),
        W_K: columns(all, (3 * h + 1) * dHead, dHead),
        W_V: columns(all, (3 * h + 2) * dHead, dHead),
        W_O: rows(out, h * dHead, dHead),
      }));
    });
    const unembed = find('embed_out.weight') ? 'embed_out.weight' : 'gpt_neox.embed_in.weight';
    const W_U = folded(outIn(unembed), 'gpt_neox.final_layer_norm');
    return { W_E: inOut('gpt_neox.embed_in.weight'), W_U, heads, dHead };
  }
  if (type === 'attn_only') {
    const [n, dHead] = [number('n_heads'), number('d_head')];
    const heads = layers('n_layers', (l) =>
      each(n, (h) => {
        const stored = (name: string): Matrix => part(get(`blocks.${l}.attn.${name}`), h);
        const [W_Q, W_K, W_V] = ['W_Q', 'W_K', 'W_V'].map((name) => folded(stored(name), `blocks.${l}.ln1`));
        return { W_Q: W_Q!, W_K: W_K!, W_V: W_V!, W_O: stored('W_O') };
      }),
    );
    return { W_E: inOut('embed.W_E'), W_U: folded(inOut('unembed.W_U'), 'ln_final'), heads, dHead };
  }
  const n = number('num_attention_heads');
  const dHead = get('model.layers.0.self_attn.q_proj.weight').shape[0]! / n;
  const group = n / (get('model.layers.0.self_attn.k_proj.weight').shape[0]! / dHead);
  const heads = layers('num_hidden_layers', (l) => {
    const layer = `model.layers.${l}`;
    const [q, k, v] = ['q', 'k', 'v'].map((x) =>
      folded(outIn(`${layer}.self_attn.${x}_proj.weight`), `${layer}.input_layernorm`),
    );
    const out = outIn(`${layer}.self_attn.o_proj.weight`);
    return each(n, (h) => ({
      W_Q: columns(q!, h * dHead, dHead),
      W_K: columns(k!, Math.floor(h / group) * dHead, dHead),
      W_V: columns(v!, Math.floor(h / group) * dHead, dHead),
      W_O: rows(out, h * dHead, dHead),
    }));
  });
  const unembed = find('lm_head.weight') ? 'lm_head.weight' : 'model.embed_tokens.weight';
  return { W_E: inOut('model.embed_tokens.weight'), W_U: folded(outIn(unembed), 'model.norm'), heads, dHead };
}

export const W_QK = ({ W_Q, W_K }: Head64): Matrix => product(W_Q, turned(W_K));
export const W_OV = ({ W_V, W_O }: Head64): Matrix => product(W_V, W_O);
export const turn = turned;

/** W_E W_QK W_Eᵀ */
export const fullQK = ({ W_E }: Heads64, head: Head64): Matrix => product(product(W_E, W_QK(head)), turned(W_E));
/** W_E W_OV W_U */
export const fullOV = ({ W_E, W_U }: Heads64, head: Head64): Matrix => product(product(W_E, W_OV(head)), W_U);

export const frobenius = (m: Matrix): number => Math.sqrt(m.flat().reduce((sum, value) => sum + value * value, 0));

/** Eigenvalues of the whole matrix, largest modulus first. */
export function eigenvalues64(m: Matrix): [re: number, im: number][] {
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(new MlMatrix(m), {
    assumeSymmetric: false,
  });
  return realEigenvalues
    .map((re, i): [number, number] => [re, imaginaryEigenvalues[i]!])
    .sort((a, b) => Math.hypot(...b) - Math.hypot(...a));
}

/** Σλ / Σ|λ| */
export function share64(m: Matrix): number {
  const lambdas = eigenvalues64(m);
  const size = lambdas.reduce((sum, [re, im]) => sum + Math.hypot(re, im), 0);
  return lambdas.reduce((sum, [re]) => sum + re, 0) / size;
}
