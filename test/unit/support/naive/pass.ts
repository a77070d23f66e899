import {
  activations,
  attention,
  rotate,
  type AttentionInput,
  type Matrix,
  type Normed,
  type Stored,
  type Vector,
} from './math';

/** config.json */
export type Config = Record<string, unknown>;
export type Weights = ReadonlyMap<string, Stored>;
/** Its shape is that of its nesting. */
export type Nested = number[] | Nested[];

/** What a forward pass reads and writes. */
export interface Pass {
  config: Config;
  /** A config number, or what `transformers` takes when the key is missing. */
  number(key: string, otherwise?: number): number;
  flag(key: string, otherwise: boolean): boolean;
  weight(name: string): Stored;
  optional(name: string): Stored | undefined;
  save(name: string, values: Nested): void;
  /** What an intervention makes of values; without one, the values. */
  edit<T>(name: string, values: T): T;
  ids: number[];
}

export function savedNorm(pass: Pass, name: string, normed: Normed): Matrix {
  pass.save(`${name}.hook_scale`, normed.scale);
  return normed.out;
}

/** Rotates q and k when the model is rotary, attends, saves what happened and returns hook_attn_out. */
export function savedAttention(pass: Pass, block: string, input: AttentionInput, invFreq?: Vector): Matrix {
  const { save } = pass;
  let { q, k } = input;
  save(`${block}.attn.hook_q`, q);
  save(`${block}.attn.hook_k`, k);
  save(`${block}.attn.hook_v`, input.v);
  if (invFreq) {
    q = rotate(q, invFreq);
    k = rotate(k, invFreq);
    save(`${block}.attn.hook_rot_q`, q);
    save(`${block}.attn.hook_rot_k`, k);
  }
  const attended = attention({ ...input, q, k, edit: (name, values) => pass.edit(`${block}.attn.${name}`, values) });
  save(`${block}.attn.hook_attn_scores`, attended.scores);
  save(`${block}.attn.hook_pattern`, attended.pattern);
  save(`${block}.attn.value_norm`, attended.valueNorm);
  save(`${block}.attn.hook_z`, attended.z);
  save(`${block}.hook_attn_out`, attended.out);
  return attended.out;
}

export function activation(pass: Pass, key: string, otherwise: string): (x: number) => number {
  const name = typeof pass.config[key] === 'string' ? pass.config[key] : otherwise;
  return activations[name]!;
}
