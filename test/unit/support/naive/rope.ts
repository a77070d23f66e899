import type { Vector } from './math';
import type { Pass } from './pass';

/** transformers' modeling_rope_utils.py: kinds default, linear and llama3. */
export function inverseFrequencies(dims: number, theta: number, scaling: unknown): Vector {
  const plain = Array.from({ length: dims / 2 }, (_, i) => 1 / theta ** ((2 * i) / dims));
  if (scaling === undefined || scaling === null) return plain;
  const s = scaling as Record<string, number | string>;
  const factor = Number(s.factor);
  const kind = s.rope_type ?? s.type;
  if (kind === 'default') return plain;
  if (kind === 'linear') return plain.map((freq) => freq / factor);
  if (kind !== 'llama3') throw new Error(`no naive rope scaling ${kind}`);
  const context = Number(s.original_max_position_embeddings);
  const [low, high] = [Number(s.low_freq_factor), Number(s.high_freq_factor)];
  return plain.map((freq) => {
    const wavelength = (2 * Math.PI) / freq;
    if (wavelength < context / high) return freq;
    if (wavelength > context / low) return freq / factor;
    const smooth = (context / wavelength - low) / (high - low);
    return ((1 - smooth) * freq) / factor + smooth * freq;
  });
}

/** Frequencies by the config keys of transformers 5 (`rope_parameters`) or of those before it. */
export function ropeFrequencies({ config, number }: Pass, dims: number, thetaKey: string): Vector {
  const parameters = config.rope_parameters as { rope_theta?: number } | undefined;
  const theta = parameters?.rope_theta ?? number(thetaKey, 10000);
  return inverseFrequencies(dims, theta, parameters ?? config.rope_scaling);
}
