/** Runs of a foreign graph: its own nodes, cut to what is wanted, with our hooks beside them (`runtime/runner.ts` runs them). */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { layerHook } from '../graph/hooks';
import { edited, interventionInputs, type InterventionKinds } from '../graph/interventions';
import { divergence, nextOutputs, nextTokens, type NamedValue } from '../graph/nextTokens';
import { graphInputs, RESID_OUT } from '../graph/names';
import type { BlocksRequest, Graph, UnembedGraphRequest } from '../graph/transformer';
import { segmentsOf, type ModelGraphs } from '../runtime/graphs';
import { interventionFeeds } from '../runtime/interventions';
import { cutGraph, type Rewrite, type Wanted } from './cut';
import { derivedHook, scaleOf } from './derived';
import { feedsOf } from './inputs';
import { ROWS, Shapes } from './shapes';
import type { Suffix } from './suffix';
import type { Foreign, FoundHook } from './types';

/** @param segmentBytes of weights that one session may hold */
export function foreignGraphs(checkpoint: Checkpoint, foreign: Foreign, segmentBytes: number): ModelGraphs {
  const graphs = new ForeignGraphs(checkpoint, foreign);
  const { nLayers, dModel, dVocab } = checkpoint.description;
  const { length } = foreign.inputs;
  const segmented = foreign.missing.residual === undefined;
  const layerBytes = segmented ? Math.ceil(checkpoint.bytes / nLayers) : 0;
  return {
    segments: segmentsOf(new Array<number>(nLayers).fill(layerBytes), segmentBytes),
    // without a residual stream the blocks leave the logits themselves
    width: segmented ? dModel : dVocab,
    unembedBytes: 4 * dModel * dVocab,
    vocabularyParts: [[0, dVocab]],
    // rows and those that they are measured against may run together
    maxRows: length === undefined ? Infinity : Math.max(1, Math.floor(length / 2)),
    inRowBlocks: false,
    inSequences: false,
    blocks: (request) => graphs.blocks(request),
    unembed: (request) => graphs.unembed(request),
    feeds: (ids, interventions) => ({
      ...graphs.feeds(ids),
      ...interventionFeeds(checkpoint.description, interventions, ids.length),
    }),
    rowFeeds: (rows) => ({ ...graphs.feeds(new Array<number>(length ?? rows).fill(0)), ...rowsFeed(rows) }),
  };
}

const rowsFeed = (rows: number): Record<string, Tensor> => ({
  [ROWS]: new Tensor('int64', BigInt64Array.of(BigInt(rows)), [1]),
});

/** What stands in the place of values of one graph. */
class Changes {
  readonly replaced = new Map<string, Rewrite>();
  /** What hooks show whose values were replaced, by name. */
  readonly shown = new Map<string, Value>();
  /** What was written to a replaced value. */
  readonly written = new Map<string, Value>();

  /** A block before wrote what is not edited yet; a norm reads what was (undefined: the value itself, replaced). */
  seen(name: string, hook: FoundHook): Value | undefined {
    return this.shown.get(name) ?? (hook.scaleOf ? undefined : this.written.get(hook.value));
  }
}

class ForeignGraphs {
  private readonly shapes: Shapes;

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly foreign: Foreign,
  ) {
    this.shapes = new Shapes(foreign.inputs);
  }

  feeds(ids: number[]): Record<string, Tensor> {
    const { graph, inputs } = this.foreign;
    const names = graph.model.graph!.input.map(({ name }) => name);
    return { ...feedsOf(graph, inputs, ids, names), ...rowsFeed(ids.length) };
  }

  blocks({ from, to, hooks, residOut, interventions = {} }: BlocksRequest): Graph {
    const changes = new Changes();
    this.changeStream(changes, from, to, interventions);
    for (let layer = from; layer < to; layer++) this.changeHeads(changes, layer, interventions);
    const wanted = hooks.map((name): Wanted => {
      const derived = derivedHook(this.checkpoint, this.foreign, name);
      const hook = derived?.of ?? this.hook(name);
      return {
        name,
        value: hook.value,
        then: (g, value) => {
          const own = changes.seen(name, hook) ?? this.shapes.toHook(g, hook, value);
          return derived ? derived.emit(g, own) : this.finished(g, hook, own);
        },
      };
    });
    if (residOut) wanted.push(this.residOut(to, changes));
    return cutGraph(this.foreign.graph, wanted, changes.replaced);
  }

  /** The residual stream comes in before a later block, and is edited before every block and after the last. */
  private changeStream(changes: Changes, from: number, to: number, interventions: InterventionKinds): void {
    const { nLayers, dModel } = this.checkpoint.description;
    for (let layer = from; layer <= to; layer++) {
      const starts = layer === from && from > 0;
      const edits = interventions.resid === true && (layer < to || to === nLayers);
      if (!starts && !edits) continue;
      const [name, hook] = this.stream(layer);
      changes.replaced.set(hook.value, (g, value) => {
        const own = starts
          ? g.input(graphInputs.resid, DataType.FLOAT, ['pos', dModel])
          : this.shapes.toHook(g, hook, value);
        const x = edits ? edited(g, interventions, 'resid', layer, own) : own;
        changes.written.set(hook.value, own);
        changes.shown.set(name, x);
        return this.shapes.fromHook(g, hook, x);
      });
    }
  }

  private changeHeads(changes: Changes, layer: number, interventions: InterventionKinds): void {
    if (interventions.z) {
      const name = layerHook(layer, 'z');
      const hook = this.hook(name);
      changes.replaced.set(hook.value, (g, value) => {
        const x = edited(g, interventions, 'z', layer, this.shapes.toHook(g, hook, value));
        changes.shown.set(name, x);
        return this.shapes.fromHook(g, hook, x);
      });
    }
    if (interventions.patterns?.includes(layer)) {
      const hook = this.hook(layerHook(layer, 'pattern'));
      changes.replaced.set(hook.value, (g) => {
        const given = g.input(interventionInputs.pattern(layer), DataType.FLOAT, ['head', 'pos', 'pos']);
        return this.shapes.fromHook(g, hook, given);
      });
    }
  }

  /** The residual stream after a block, as the next one or the unembedding takes it; without one, the logits. */
  private residOut(to: number, changes: Changes): Wanted {
    const isStream = this.foreign.missing.residual === undefined;
    const [name, hook] = isStream ? this.stream(to) : ['logits', this.hook('logits')];
    return {
      name: RESID_OUT,
      value: hook.value,
      then: (g, value) => changes.seen(name, hook) ?? this.shapes.toHook(g, hook, value),
    };
  }

  unembed({ hooks, topK, ranksOf, against }: UnembedGraphRequest): Graph {
    const { nLayers, dModel, dVocab } = this.checkpoint.description;
    const logits = this.hook('logits');
    const direct = this.foreign.missing.residual !== undefined;
    const fed = (g: Suffix, name: string): Value => g.input(name, DataType.FLOAT, [name, direct ? dVocab : dModel]);
    const replaced = new Map<string, Rewrite>();
    if (!direct) {
      const [, last] = this.stream(nLayers);
      replaced.set(last.value, (g) => {
        const rows = fed(g, graphInputs.resid);
        const all = against ? g.op('Concat', [fed(g, graphInputs.against), rows], { axis: 0 }) : rows;
        return this.shapes.fromHook(g, last, all);
      });
    }
    const values = new Map<string, Value>();
    const emitted = (g: Suffix, value: Value): Map<string, Value> => {
      if (values.size > 0) return values;
      const all = direct ? fed(g, graphInputs.resid) : this.shapes.toHook(g, logits, value);
      const [p, own] = against ? halves(g, all) : [undefined, all];
      values.set('logits', own);
      const named: NamedValue[] =
        topK === undefined ? [] : nextTokens(g, own, graphInputs.targets, Math.min(topK, dVocab), ranksOf);
      if (p !== undefined) named.push(divergence(g, p, own));
      for (const each of named) values.set(each.name, each.value);
      return values;
    };
    const ofLogits = [
      ...hooks.filter((name) => name === 'logits'),
      ...(topK === undefined ? [] : [nextOutputs.ids, nextOutputs.logProbs, nextOutputs.targetLogProbs]),
      ...(topK === undefined || ranksOf === undefined ? [] : [nextOutputs.targetRanks]),
      ...(against ? [nextOutputs.kl] : []),
    ];
    // a value that the graph makes: with the logits fed themselves any other would be computed
    const value = direct ? this.foreign.inputs.ids : logits.value;
    const wanted = ofLogits.map((name): Wanted => ({ name, value, then: (g, x) => emitted(g, x).get(name)! }));
    for (const name of hooks.filter((each) => each !== 'logits')) {
      const hook = this.hook(name);
      wanted.push({
        name,
        value: hook.value,
        then: (g, x) => this.finished(g, hook, this.shapes.toHook(g, hook, x)),
      });
    }
    return cutGraph(this.foreign.graph, wanted, replaced);
  }

  /** The value that block `layer` reads; of n_layers, the last block's output. */
  private stream(layer: number): [string, FoundHook] {
    const { nLayers } = this.checkpoint.description;
    const name = layer < nLayers ? layerHook(layer, 'residPre') : layerHook(nLayers - 1, 'residPost');
    return [name, this.hook(name)];
  }

  private hook(name: string): FoundHook {
    const hook = this.foreign.hooks.get(name);
    if (hook) return hook;
    const { residual, logits } = this.foreign.missing;
    const why = (name === 'logits' ? logits : name.includes('resid') ? residual : undefined) ?? '';
    throw new InputError(
      l10n.t('{0}: {1} was not recognised in this graph. {2}', this.foreign.graph.file, name, why).trimEnd(),
    );
  }

  /** Key/value heads are repeated; a norm's scale is taken. */
  private finished(g: GraphBuilder, hook: FoundHook, value: Value): Value {
    if (hook.scaleOf) return scaleOf(g, hook.scaleOf, value);
    const { nHeads } = this.checkpoint.description;
    const heads = hook.sizes['h'] ?? nHeads;
    if (heads === nHeads) return value;
    const group = nHeads / heads;
    return g.op('Gather', [value, g.ints(Array.from({ length: nHeads }, (_, h) => Math.floor(h / group)))], {
      axis: 1,
    });
  }
}

/** Equal parts of rows. */
function halves(g: Suffix, rows: Value): [Value, Value] {
  // until opset 18 the outputs say how many parts there are
  const [first, second] = g.ops('Split', [rows], 2, { axis: 0, ...(g.opset >= 18 && { num_outputs: 2 }) });
  return [first!, second!];
}
