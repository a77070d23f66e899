/** Every operator that can be differentiated. One more is one more entry of a table here, and a test. */
import { elementwiseOperators } from './elementwise';
import { gatherOperators } from './gather';
import { matmulOperators } from './matmul';
import { normOperators } from './norm';
import { reduceOperators } from './reduce';
import { shapeOperators } from './shape';
import { softmaxOperators } from './softmax';
import type { Operators } from './types';

export const operators: Operators = {
  ...elementwiseOperators,
  ...matmulOperators,
  ...shapeOperators,
  ...reduceOperators,
  ...softmaxOperators,
  ...gatherOperators,
  ...normOperators,
};
