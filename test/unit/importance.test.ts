import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Importance } from '../../src/protocol/circuits/paths';
import { importance } from '../../src/engine/circuits/importance';
import { logProbs64 } from './support/closeness';
import { attnOnly, llama, LLAMA } from './support/families';
import { REFERENCE, SAMPLES } from './support/files';
import { allPaths, frozen64, plus, zeros, type Frozen64 } from './support/frozen64';
import { noSteps, openModel } from './support/models';
import type { Matrix } from './support/naive/math';
import { writeRandomCheckpoint, type Variant } from './support/randomCheckpoint';

const BAR = 1e-4;
const IDS = Array.from({ length: 9 }, (_, i) => (i * i * 5 + 3) % 27);

async function run(folder: string, prompt: { text?: string; ids?: number[] }): Promise<Importance> {
  const model = await openModel(folder);
  try {
    return await importance(model, prompt, noSteps);
  } finally {
    await model.runner.dispose();
  }
}

const small: Variant[] = [
  attnOnly('no norm, standard', {}),
  attnOnly('no norm, rotary, 3 layers', { positional_embedding_type: 'rotary', n_layers: 3, n_heads: 2 }),
  attnOnly('no norm, biases, shortformer', { positional_embedding_type: 'shortformer' }, { biases: true }),
  attnOnly('LN, biases, standard', { normalization_type: 'LN' }, { biases: true }),
  attnOnly('LNPre, rotary', { normalization_type: 'LNPre', positional_embedding_type: 'rotary' }),
  attnOnly('LN, no layers', { normalization_type: 'LN', n_layers: 0 }),
];

function loss64(m: Frozen64, resid: Matrix): number {
  const logits = m.logits(resid, true);
  const logProbs = logProbs64({ shape: [logits.length, logits[0]!.length], data: logits.flat() });
  const sum = IDS.slice(1).reduce((total, id, i) => total - logProbs[i]![id]!, 0);
  return sum / (IDS.length - 1);
}

const close = (name: string, actual: number, expected: number): void =>
  assert.ok(
    Math.abs(actual - expected) <= BAR * Math.max(1, Math.abs(expected)),
    `${name}: ${actual}, not ${expected}`,
  );

for (const variant of small) {
  describe(`term importance of ${variant.name}`, function () {
    this.timeout(30_000);
    const { folder, config, weights } = writeRandomCheckpoint(variant);
    const m = frozen64(config, weights, IDS);
    let result: Importance;
    before(async () => {
      result = await run(folder, { ids: IDS });
    });

    it('gives the losses of a naive enumeration of paths', () => {
      const byOrder = Array.from({ length: m.nLayers + 1 }, () => zeros(m.nPos, m.start[0]!.length));
      for (const { heads, written } of allPaths(m)) byOrder[heads.length] = plus(byOrder[heads.length]!, written);
      assert.equal(result.orders.length, m.nLayers + 1);
      let kept = zeros(m.nPos, m.start[0]!.length);
      result.orders.forEach(({ n, loss }, i) => {
        assert.equal(n, i);
        kept = plus(kept, byOrder[i]!);
        close(`loss of order ${n}`, loss, loss64(m, kept));
      });
    });

    it('ends at the model’s own loss', () => {
      close('last order', result.orders.at(-1)!.loss, result.loss);
      const logits = m.hooks.get('logits')!;
      const logProbs = logProbs64(logits);
      const own = IDS.slice(1).reduce((total, id, i) => total - logProbs[i]![id]!, 0) / (IDS.length - 1);
      close('own loss', result.loss, own);
    });

    it('takes out single terms as naive code does', () => {
      const all = new Map<string, Matrix>();
      let whole = zeros(m.nPos, m.start[0]!.length);
      for (const { heads, written, from } of allPaths(m)) {
        whole = plus(whole, written);
        const name = heads.map(({ layer, head }) => `L${layer}H${head}`).join('→');
        // virtual heads: what they make of the embedding and of the first head's bias
        if (from === 'b_O' || heads.length === 0 || heads.length > 2) continue;
        all.set(name, plus(all.get(name) ?? zeros(m.nPos, whole[0]!.length), written));
      }
      const full = loss64(m, whole);
      assert.deepEqual(result.terms.map(({ name }) => name).sort(), [...all.keys()].sort());
      for (const { name, kind, heads, effect } of result.terms) {
        assert.equal(kind, heads.length === 1 ? 'head' : 'virtualHead');
        const without = plus(
          whole,
          all.get(name)!.map((row) => row.map((value) => -value)),
        );
        close(`effect of ${name}`, effect, loss64(m, without) - full);
      }
      const effects = result.terms.map(({ effect }) => effect);
      assert.deepEqual(
        effects,
        [...effects].sort((a, b) => b - a),
      );
    });
  });
}

describe('term importance', function () {
  this.timeout(30_000);
  const code = 'function add(alpha, beta) { return alpha + beta; } function sub(alpha, beta) { return alpha - beta; }';

  for (const layers of [0, 1, 2]) {
    it(`of attn-only-${layers}l: order ${layers} is the model`, async () => {
      const { loss, orders } = await run(join(SAMPLES, `attn-only-${layers}l`), { text: code });
      assert.equal(orders.length, layers + 1);
      close('last order', orders.at(-1)!.loss, loss);
    });
  }

  it('finds that repeated random tokens need the induction heads of attn-only-2l', async () => {
    const file = join(REFERENCE, 'attn-only-2l/reference.json');
    const { repeated_random } = JSON.parse(readFileSync(file, 'utf8')) as { repeated_random: { ids: number[] } };
    const { orders, terms } = await run(join(SAMPLES, 'attn-only-2l'), repeated_random);
    assert.deepEqual(
      terms.slice(0, 2).map(({ name }) => name),
      ['L1H5', 'L1H7'],
    );
    // with the patterns of the induction circuit frozen, one head that copies is nearly enough
    assert.ok(orders[0]!.loss - orders[1]!.loss > orders[1]!.loss - orders[2]!.loss);
  });

  it('says why it refuses models with MLPs', async () => {
    const { folder } = writeRandomCheckpoint(llama(LLAMA, 'MLPs', {}));
    await assert.rejects(run(folder, { ids: [1, 2, 3] }), {
      name: 'InputError',
      message: /needs an attention-only model: .* has MLPs/,
    });
  });

  it('needs two tokens', async () => {
    const { folder } = writeRandomCheckpoint(small[0]!);
    await assert.rejects(run(folder, { ids: [1] }), { name: 'InputError', message: /at least two tokens/ });
  });

  it('can be cancelled at every term', async () => {
    const { runner, checkpoint } = await openModel(join(SAMPLES, 'attn-only-2l'));
    const taken: string[] = [];
    const step = async (message: string): Promise<void> => {
      if (message.startsWith('Taking out')) taken.push(message);
      if (taken.length === 20) throw new Error('cancelled');
    };
    await assert.rejects(importance({ checkpoint, runner }, { ids: IDS }, { step }), /cancelled/);
    assert.equal(new Set(taken).size, 20);
    await runner.dispose();
  });

  it('says what is frozen', async () => {
    const notices = async (i: number): Promise<string[]> =>
      (await run(writeRandomCheckpoint(small[i]!).folder, { ids: IDS })).notices;
    assert.deepEqual(await notices(0), []);
    assert.match((await notices(3)).join(), /scales of the norms are frozen/);
    assert.match((await notices(1)).join(), /more than two heads are not/);
  });
});
