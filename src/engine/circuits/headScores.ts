import type { CircuitAnalysis } from '../circuitHandlers';

export const headScores: CircuitAnalysis<'headScores'> = () => Promise.reject(new Error('being built'));
