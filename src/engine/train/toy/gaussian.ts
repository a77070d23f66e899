import { seededUniform } from '../../circuits/random';

/** Seeded normal numbers (Box and Muller), the same on every machine. */
export function gaussianNumbers(length: number, deviation: number, seed: number): Float32Array {
  const uniform = seededUniform(seed);
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return deviation * radius * Math.cos(2 * Math.PI * uniform());
  });
}
