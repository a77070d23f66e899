/**
 * Forward passes in plain float64, written from the model files of Hugging Face's `transformers` (gpt2, gpt_neox, llama,
 * mistral, qwen2) and from TransformerLens (attn_only), by stored tensor names and config keys. Clear, not fast. Shares
 * no code with the engine: the tests compare the two.
 */
import { attnOnly } from './naive/attnOnly';
import { gpt2 } from './naive/gpt2';
import { gptNeoX } from './naive/gptNeoX';
import { llama } from './naive/llama';
import type { Config, Nested, Pass, Weights } from './naive/pass';

export interface Tensor64 {
  shape: number[];
  data: Float64Array;
}

/** By TransformerLens name, without batch dimension. */
export type Hooks64 = Map<string, Tensor64>;

/** Changes hook_resid_pre, hook_pattern or hook_z of any layer, or the last hook_resid_post: nested arrays by name. */
export type Edit64 = (name: string, values: unknown) => unknown;

/** Every hook of the model on `ids`. */
export function forward64(
  config: Config,
  weights: Weights,
  ids: number[],
  edit: Edit64 = (_, values) => values,
): Hooks64 {
  const hooks: Hooks64 = new Map();
  const present = (value: unknown): boolean => value !== undefined && value !== null;
  const pass: Pass = {
    config,
    ids,
    number: (key, otherwise) => {
      const value = present(config[key]) ? config[key] : otherwise;
      if (typeof value !== 'number') throw new Error(`config has no number ${key}`);
      return value;
    },
    flag: (key, otherwise) => (present(config[key]) ? config[key] === true : otherwise),
    weight: (name) => {
      const stored = weights.get(name);
      if (!stored) throw new Error(`no tensor ${name}`);
      return stored;
    },
    optional: (name) => weights.get(name),
    edit: <T>(name: string, values: T) => edit(name, values) as T,
    save: (name, values) => {
      const shape: number[] = [];
      for (let level: Nested | number = values; Array.isArray(level); level = level[0]!) shape.push(level.length);
      hooks.set(name, { shape, data: Float64Array.from(values.flat(Infinity as 1) as number[]) });
    },
  };
  const model = models[String(config.model_type)];
  if (!model) throw new Error(`no naive forward pass for ${String(config.model_type)}`);
  model(pass);
  return hooks;
}

const models: Record<string, (pass: Pass) => void> = {
  gpt2,
  gpt_neox: gptNeoX,
  llama: (pass) => llama(pass, {}),
  mistral: (pass) => llama(pass, { kvHeads: 8, window: 4096 }),
  qwen2: (pass) => llama(pass, { kvHeads: 32, window: 4096, qkvBias: true }),
  attn_only: attnOnly,
};
