/**
 * The execution provider that the numeric tests run on: the CPU, or CIRCUITSCOPE_TEST_PROVIDER, so that the whole suite can be
 * pointed to a GPU: `CIRCUITSCOPE_TEST_PROVIDER=webgpu npm test -- unit`.
 */
export const PROVIDER = process.env['CIRCUITSCOPE_TEST_PROVIDER'] || 'cpu';
