/** Operators that work on each element, with numpy's broadcasting. */
import type { DataType, Value } from '../../graph/builder';
import { broadcast, scalar, sumTo, type Forward, type Operator, type Operators } from './types';

/** Gradients of the inputs of a broadcasting operator, before what was broadcast is summed. */
type Partials = (node: Forward, dy: Value) => (Value | undefined)[];

const elementwise = (partials: Partials): Operator => ({
  shapes: ({ inputs, shape }) => [broadcast(...inputs.map(shape))],
  gradients: (node, [dy]) => {
    const { g, inputs, outputs, shape } = node;
    const whole = shape(outputs[0]!);
    return partials(node, dy!).map((partial, i) => partial && sumTo(g, partial, whole, shape(inputs[i]!)));
  },
});

/** f'(x) · dy of an operator with one input; `slope` gets its input and output. */
const unary = (slope: (node: Forward, x: Value, y: Value) => Value): Operator =>
  elementwise((node, dy) => [node.g.op('Mul', [dy, slope(node, node.inputs[0]!, node.outputs[0]!)])]);

const same: Operator = { shapes: ({ inputs, shape }) => [shape(inputs[0]!)], gradients: (_, [dy]) => [dy] };

const compared: Operator = { shapes: ({ inputs, shape }) => [broadcast(...inputs.map(shape))] };

/** A node that takes values of several, and numbers. */
function formula(node: Forward, like: Value): { op: (type: string, ...of: (Value | number)[]) => Value } {
  const value = (each: Value | number): Value => (typeof each === 'number' ? scalar(node, each, like) : each);
  return { op: (type, ...of) => node.g.op(type, of.map(value)) };
}

export const elementwiseOperators: Operators = {
  Identity: same,
  Add: elementwise((_, dy) => [dy, dy]),
  Sub: elementwise(({ g }, dy) => [dy, g.op('Neg', [dy])]),
  Mul: elementwise(({ g, inputs: [a, b] }, dy) => [g.op('Mul', [dy, b!]), g.op('Mul', [dy, a!])]),
  Div: elementwise(({ g, inputs: [, b], outputs: [y] }, dy) => {
    const da = g.op('Div', [dy, b!]);
    return [da, g.op('Neg', [g.op('Mul', [da, y!])])];
  }),
  Pow: elementwise((node, dy) => {
    const { inputs, outputs } = node;
    const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
    const { op } = formula(node, a);
    return [op('Mul', dy, op('Mul', b, op('Pow', a, op('Sub', b, 1)))), op('Mul', dy, op('Mul', y, op('Log', a)))];
  }),
  Neg: elementwise(({ g }, dy) => [g.op('Neg', [dy])]),
  Sqrt: elementwise((node, dy) => {
    const { op } = formula(node, node.inputs[0]!);
    return [op('Div', dy, op('Mul', 2, node.outputs[0]!))];
  }),
  Reciprocal: unary(({ g }, _, y) => g.op('Neg', [g.op('Mul', [y, y])])),
  Exp: unary((_, __, y) => y),
  Log: elementwise(({ g, inputs: [x] }, dy) => [g.op('Div', [dy, x!])]),
  Tanh: unary((node, x, y) => {
    const { op } = formula(node, x);
    return op('Sub', 1, op('Mul', y, y));
  }),
  Sigmoid: unary((node, x, y) => {
    const { op } = formula(node, x);
    return op('Mul', y, op('Sub', 1, y));
  }),
  Erf: unary((node, x) => {
    const { op } = formula(node, x);
    return op('Mul', 2 / Math.sqrt(Math.PI), op('Exp', op('Neg', op('Mul', x, x))));
  }),
  Relu: elementwise((node, dy) => {
    const { g, inputs } = node;
    const zero = scalar(node, 0, inputs[0]!);
    return [g.op('Where', [g.op('Greater', [inputs[0]!, zero]), dy, zero])];
  }),
  Gelu: unary((node, x) => (node.string('approximate', 'none') === 'tanh' ? tanhGeluSlope : geluSlope)(node, x)),
  Where: elementwise((node, dy) => {
    const { g, inputs } = node;
    const zero = scalar(node, 0, inputs[1]!);
    return [undefined, g.op('Where', [inputs[0]!, dy, zero]), g.op('Where', [inputs[0]!, zero, dy])];
  }),
  Cast: {
    ...same,
    dtype: (node) => node.int('to', 0) as DataType,
    gradients: ({ g, inputs, dtype }, [dy]) => [g.op('Cast', [dy!], { to: dtype(inputs[0]!) })],
  },
  Greater: compared,
  Less: compared,
  Equal: compared,
};
// its element type is that of what it chooses from
elementwiseOperators['Where']!.dtype = ({ dtype, inputs }) => dtype(inputs[1]!);

/** Φ(x) + x φ(x), of the normal distribution. */
function geluSlope(node: Forward, x: Value): Value {
  const { op } = formula(node, x);
  const below = op('Mul', 0.5, op('Add', 1, op('Erf', op('Mul', Math.SQRT1_2, x))));
  const density = op('Mul', 1 / Math.sqrt(2 * Math.PI), op('Exp', op('Mul', -0.5, op('Mul', x, x))));
  return op('Add', below, op('Mul', x, density));
}

/** Of x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³). */
function tanhGeluSlope(node: Forward, x: Value): Value {
  const { op } = formula(node, x);
  const [c, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = op('Mul', x, x);
  const t = op('Tanh', op('Mul', op('Mul', c, x), op('Add', 1, op('Mul', cubic, square))));
  const inner = op('Mul', c, op('Add', 1, op('Mul', 3 * cubic, square)));
  const slope = op('Mul', op('Mul', x, op('Sub', 1, op('Mul', t, t))), inner);
  return op('Mul', 0.5, op('Add', op('Add', 1, t), slope));
}
