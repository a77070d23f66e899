/** The samples against float64 activations that were computed elsewhere (test/fixtures/reference). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { createRunner } from '../../src/engine/runtime/runner';
import type { ForwardResult, ModelRunner } from '../../src/engine/runtime/types';
import { assertClose, assertLogProbs, HOOK_BAR, logProbs64 } from './support/closeness';
import { readTensors, REFERENCE, SAMPLES } from './support/files';
import { forward64, type Hooks64 } from './support/naive64';
import { PROVIDER } from './support/provider';

interface Reference {
  prompts: { text: string; ids: number[]; loss_per_token: number[]; next_token_top5: [number, number][] }[];
  repeated_random: {
    ids: number[];
    half_length: number;
    mean_loss_first_copy: number;
    mean_loss_second_copy: number;
    /** Means over some diagonal of the pattern, `[layer][head]`. */
    head_scores: Record<keyof typeof DIAGONALS, number[][]>;
  };
}

/** Tokens are BOS + R + R, R of length L: from which destination on, and how far back the source is (Infinity: token 0). */
const DIAGONALS = {
  previous_token: () => ({ from: 1, back: 1 }),
  duplicate_token: (L: number) => ({ from: L + 1, back: L }),
  induction: (L: number) => ({ from: L + 1, back: L - 1 }),
  first_token: () => ({ from: 1, back: Infinity }),
};

/** The references are F32 copies of float64 values. */
const F32_ROUNDING = 2e-7;
/** The losses and probabilities in reference.json are written with six decimals. */
const SIX_DECIMALS = 5.1e-7;

for (const sample of ['attn-only-2l', 'neox-6l', 'stories260K']) {
  describe(`${sample} against its reference`, function () {
    this.timeout(30_000);
    const folder = join(SAMPLES, sample);
    const reference = JSON.parse(readFileSync(join(REFERENCE, sample, 'reference.json'), 'utf8')) as Reference;
    const tensors = new Map(Object.entries(readTensors(join(REFERENCE, sample, 'reference.safetensors'))));
    /** Referenced hooks of a run: name without the prefix → values. */
    const referenced = (prefix: string): [string, { shape: number[]; data: Float64Array }][] =>
      [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t]);
    const runs = [
      ...reference.prompts.map(({ ids }, i) => ({ prefix: `prompt.${i}.`, ids })),
      { prefix: 'repeated_random.', ids: reference.repeated_random.ids },
    ].filter(({ prefix }) => referenced(prefix).length > 0);

    it('float64 forward pass of the tests', () => {
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
      const weights = new Map(Object.entries(readTensors(join(folder, 'model.safetensors'))));
      for (const { prefix, ids } of runs) {
        const hooks = withLastLogits(forward64(config, weights, ids));
        for (const [name, expected] of referenced(prefix)) assertClose(name, hooks.get(name)!, expected, F32_ROUNDING);
        const losses = reference.prompts.find((prompt) => prompt.ids === ids)?.loss_per_token ?? [];
        const logProbs = logProbs64(hooks.get('logits')!);
        losses.forEach((loss, t) => near(-logProbs[t]![ids[t + 1]!]!, loss, SIX_DECIMALS, `loss ${t + 1}`));
      }
    });

    describe('engine', () => {
      let checkpoint: Checkpoint;
      let runner: ModelRunner;
      before(async () => {
        checkpoint = await openCheckpoint(folder);
        runner = await createRunner(checkpoint, { providers: [PROVIDER], log: () => undefined });
      });
      after(() => runner.dispose());

      for (const { prefix, ids } of runs) {
        it(`${prefix}*: residuals, patterns, logits`, async () => {
          const expected = referenced(prefix);
          const hooks = expected.map(([name]) => (name === 'logits_last' ? 'logits' : name));
          const got = withLastLogits(hooksOf(await runner.run({ ids, hooks })));
          for (const [name, tensor] of expected) assertClose(prefix + name, got.get(name)!, tensor);
        });
      }

      reference.prompts.forEach((prompt, i) => {
        it(`prompt.${i}: tokens`, () => {
          const tokens = checkpoint.tokenizer!.encode(prompt.text);
          assert.deepEqual(
            tokens.map((t) => t.id),
            prompt.ids,
          );
        });

        it(`prompt.${i}: loss of every token, most probable next tokens`, async () => {
          const k = 5;
          const { next } = await runner.run({ ids: prompt.ids, hooks: [], topK: k });
          const expected = [NaN, ...prompt.loss_per_token.map((loss) => -loss)];
          assertLogProbs('token log-probabilities', next!.tokenLogProbs, expected);
          const last = (prompt.ids.length - 1) * k;
          const ids = [...next!.ids.slice(last, last + k)];
          assert.deepEqual(
            ids,
            prompt.next_token_top5.map(([id]) => id),
          );
          prompt.next_token_top5.forEach(([, p], j) =>
            near(Math.exp(next!.logProbs[last + j]!), p, HOOK_BAR * p + SIX_DECIMALS, `p ${j}`),
          );
        });
      });

      it('repeated random tokens: losses, and what every head attends to', async () => {
        const { ids, half_length: L, ...expected } = reference.repeated_random;
        const { nLayers, nHeads } = checkpoint.description;
        const hooks = Array.from({ length: nLayers }, (_, l) => `blocks.${l}.attn.hook_pattern`);
        const got = await runner.run({ ids, hooks, topK: 1 });
        const loss = (from: number, to: number): number => -mean(got.next!.tokenLogProbs.slice(from, to));
        near(loss(1, L + 1), expected.mean_loss_first_copy, HOOK_BAR, 'loss of the first copy');
        // its first token is as random as the others: nothing foretells that the copy begins
        near(loss(L + 2, 2 * L + 1), expected.mean_loss_second_copy, HOOK_BAR, 'loss of the second copy');
        for (const [kind, scores] of Object.entries(expected.head_scores)) {
          const { from, back } = DIAGONALS[kind as keyof typeof DIAGONALS](L);
          hooks.forEach((hook, l) => {
            for (let h = 0; h < nHeads; h++) {
              const head = got.hooks[hook]!.data.subarray(h * ids.length ** 2, (h + 1) * ids.length ** 2);
              const weights = ids
                .slice(from)
                .map((_, i) => head[(from + i) * ids.length + Math.max(0, from + i - back)]!);
              near(mean(weights), scores[l]![h]!, HOOK_BAR, `${kind} of L${l}H${h}`);
            }
          });
        }
      });
    });
  });
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what} is ${actual}, the reference ${expected}`);
}

type HookMap = Map<string, { shape: number[]; data: ArrayLike<number> }>;

const hooksOf = (result: ForwardResult): HookMap => new Map(Object.entries(result.hooks));

/** The references of the long run keep only the last row of the logits. */
function withLastLogits(hooks: Hooks64 | HookMap): HookMap {
  const all: HookMap = new Map(hooks);
  const logits = all.get('logits')!;
  const dVocab = logits.shape[1]!;
  const last = Array.from(logits.data).slice(-dVocab);
  return all.set('logits_last', { shape: [dVocab], data: last });
}
