import type { CircuitAnalysis } from '../circuitHandlers';

export const composition: CircuitAnalysis<'composition'> = () => Promise.reject(new Error('being built'));
