import * as l10n from '@vscode/l10n';
import { headName, type HeadRef } from '../../protocol/checkpoint';
import type { CircuitLine, HeadCircuit, TokenCircuit } from '../../protocol/circuits/headCircuit';
import type { ModelDescription } from '../checkpoint/description';
import { InputError } from '../checkpoint/errors';
import type { CircuitAnalysis, OpenModel } from '../circuitHandlers';
import { runWeights } from '../runtime/weightRun';
import { DataType } from '../graph/builder';
import { Tensor } from 'onnxruntime-node';
import { FactoredMatrix, type Entry, type Tall } from './factored';
import { headSides, type HeadSides } from './headSides';
import { SkipTrigrams } from './skipTrigrams';
import { eigenvalues, positiveShare } from './smallMatrix';
import { checkTop, TokenTable } from './tokenTable';
import { folds, weightNotices } from './weightNotices';

/**
 * The full QK circuit W_E W_QK W_Eᵀ / sqrt(d_head) and the full OV circuit W_E W_OV W_U of a head (Framework, “One-layer”):
 * their largest and smallest entries, eigenvalues, skip-trigrams, and whole rows and columns of chosen tokens. Neither
 * matrix is formed: runs look at some rows at a time and keep each row's extremes; the entries are then taken from the
 * rows with the greatest ones. The eigenvalues are those of the circuits without the 1 / sqrt(d_head).
 */
export const headCircuit: CircuitAnalysis<'headCircuit'> = async (model, params, steps) => {
  const { checkpoint } = model;
  const { description: d } = checkpoint;
  const { head, tokens: ids = [], foldNorm } = params;
  checkHead(d, head);
  const top = checkTop(params.top ?? 20);
  const tokens = new TokenTable(checkpoint);
  const wanted = ids.map((id) => tokens.find(id));
  const fold = folds(d, foldNorm);

  const sides = await headSides(model, head, fold, steps);
  const [qk, ov] = await smallCircuits(model, sides);
  // rows of the first are sources, too: [source, destination]
  const attention = new FactoredMatrix(model, sides.K, sides.Q);
  const writing = new FactoredMatrix(model, sides.V, sides.O);
  const attentionExtremes = await attention.rowExtremes(l10n.t('QK circuit of {0}', headName(head)), steps);
  const writingExtremes = await writing.rowExtremes(l10n.t('OV circuit of {0}', headName(head)), steps);
  const qkEntries = await attention.topEntries(attentionExtremes, top);
  const ovEntries = await writing.topEntries(writingExtremes, top);
  const skip = new SkipTrigrams(model, sides, tokens);

  const qkEntry = ({ row, column, value }: Entry): HeadCircuit['qk']['largest'][number] => ({
    destination: tokens.token(column),
    source: tokens.token(row),
    value,
  });
  const ovEntry = ({ row, column, value }: Entry): HeadCircuit['ov']['largest'][number] => ({
    source: tokens.token(row),
    output: tokens.token(column),
    value,
  });
  return {
    head,
    qk: {
      largest: qkEntries.largest.map(qkEntry),
      smallest: qkEntries.smallest.map(qkEntry),
      eigenvalues: qk,
      matching: positiveShare(qk),
    },
    ov: {
      largest: ovEntries.largest.map(ovEntry),
      smallest: ovEntries.smallest.map(ovEntry),
      eigenvalues: ov,
      copying: positiveShare(ov),
    },
    skipTrigrams: await skip.strongest(top, writingExtremes.max, steps),
    tokens: await tokenCircuits(
      model,
      sides,
      skip,
      tokens,
      wanted.map(({ id }) => id),
      top,
    ),
    foldNorm: fold,
    notices: weightNotices(d, foldNorm),
  };
};

function checkHead({ nLayers, nHeads }: ModelDescription, head: HeadRef): void {
  const inside = (value: number, n: number): boolean => Number.isInteger(value) && value >= 0 && value < n;
  if (!inside(head.layer, nLayers) || !inside(head.head, nHeads))
    throw new InputError(
      l10n.t('There is no head {0} in this model: it has {1} layers of {2} heads.', headName(head), nLayers, nHeads),
    );
}

/** Eigenvalues of W_E W_QK W_Eᵀ and W_E W_OV W_U: those of KᵀQ sqrt(d_head) and OᵀV. */
async function smallCircuits(
  { checkpoint, runner }: OpenModel,
  sides: HeadSides,
): Promise<[HeadCircuit['qk']['eigenvalues'], HeadCircuit['ov']['eigenvalues']]> {
  const { dVocab, dHead } = checkpoint.description;
  const feeds = Object.fromEntries(
    Object.entries(sides).map(([name, { data }]: [string, Tall]) => [
      name,
      new Tensor('float32', data, [dVocab, dHead]),
    ]),
  );
  const { qk, ov } = await runWeights(
    checkpoint,
    runner.provider,
    (g) => {
      const product = (a: string, b: string): string => {
        const [left, right] = [a, b].map((name) => g.input(name, DataType.FLOAT, [dVocab, dHead]));
        return g.op('MatMul', [g.op('Transpose', [left!], { perm: [1, 0] }), right!]);
      };
      return { qk: g.op('Mul', [product('K', 'Q'), g.floats([Math.sqrt(dHead)])]), ov: product('O', 'V') };
    },
    feeds,
  );
  return [eigenvalues(qk!.data, dHead), eigenvalues(ov!.data, dHead)];
}

/** What the circuits say about each of `ids`: one row of Q Kᵀ, K Qᵀ, V Oᵀ and O Vᵀ. */
async function tokenCircuits(
  model: OpenModel,
  { Q, K, V, O }: HeadSides,
  skip: SkipTrigrams,
  tokens: TokenTable,
  ids: number[],
  top: number,
): Promise<TokenCircuit[]> {
  const line = async (A: Tall, B: Tall, id: number): Promise<CircuitLine> => {
    const matrix = new FactoredMatrix(model, A, B);
    const { largest, smallest } = await matrix.rowEntries([id], top);
    const named = (entries: Entry[]): CircuitLine['largest'] =>
      entries.map(({ column, value }) => ({ token: tokens.token(column), value }));
    return { values: await matrix.row(id), largest: named(largest[0]!), smallest: named(smallest[0]!) };
  };
  const circuits: TokenCircuit[] = [];
  for (const id of ids)
    circuits.push({
      token: tokens.token(id),
      sources: await line(Q, K, id),
      destinations: await line(K, Q, id),
      outputs: await line(V, O, id),
      outputSources: await line(O, V, id),
      skipTrigrams: (await skip.ofSources([id], Math.ceil(Math.sqrt(top)))).slice(0, top),
    });
  return circuits;
}
