import assert from 'node:assert/strict';
import { InputError } from '../../src/engine/checkpoint/errors';
import { patch } from '../../src/engine/circuits/patch';
import { assertClose } from './support/closeness';
import { noSteps, openRandom, openSample } from './support/models';
import type { Hooks64 } from './support/naive64';
import { variants } from './support/variants';

/** `[row][…]` of a hook with a first axis of positions. */
function rowsOf(hooks: Hooks64, name: string): number[][] {
  const { shape, data } = hooks.get(name)!;
  const width = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, row) => [...data.subarray(row * width, (row + 1) * width)]);
}

describe('activation patching', function () {
  this.timeout(60_000);

  for (const variant of variants.filter(({ config, nTokens }) => config.n_layers !== 0 && nTokens !== 1)) {
    it(`on ${variant.name} is float64's`, async () => {
      const { model, forward } = await openRandom(variant);
      const { nLayers, nHeads, dHead } = model.checkpoint.description;
      const [cleanIds, corruptedIds] = [
        [1, 2, 3, 4, 5],
        [1, 7, 3, 4, 5],
      ];
      const [answer, wrong] = [6, 8];
      const difference = (hooks: Hooks64): number => {
        const last = rowsOf(hooks, 'logits').at(-1)!;
        return last[answer]! - last[wrong]!;
      };
      const [clean, corrupted] = [forward(cleanIds!), forward(corruptedIds!)];
      const effect = (hooks: Hooks64): number =>
        (difference(hooks) - difference(corrupted)) / (difference(clean) - difference(corrupted));

      const params = {
        clean: { ids: cleanIds! },
        corrupted: { ids: corruptedIds! },
        answer: { id: answer },
        wrong: { id: wrong },
      };
      const result = await patch(model, params, noSteps);
      const resid: number[] = [];
      const heads: number[] = [];
      for (let layer = 0; layer < nLayers; layer++) {
        const pre = `blocks.${layer}.hook_resid_pre`;
        for (let p = 0; p < 5; p++) {
          const patched = forward(corruptedIds!, (name, values) =>
            name === pre ? (values as number[][]).map((row, i) => (i === p ? rowsOf(clean, pre)[p]! : row)) : values,
          );
          resid.push(effect(patched));
        }
        const z = `blocks.${layer}.attn.hook_z`;
        for (let h = 0; h < nHeads; h++) {
          const patched = forward(corruptedIds!, (name, values) =>
            name === z
              ? (values as number[][][]).map((row, i) =>
                  row.map((own, head) => (head === h ? rowsOf(clean, z)[i]!.slice(h * dHead, (h + 1) * dHead) : own)),
                )
              : values,
          );
          heads.push(effect(patched));
        }
      }
      // float32 logits over a small difference of differences
      const bar = 1e-3;
      assert.ok(
        Math.abs(result.clean - difference(clean)) < bar && Math.abs(result.corrupted - difference(corrupted)) < bar,
      );
      assertClose(
        'resid',
        { shape: [resid.length], data: result.resid },
        { shape: [resid.length], data: resid },
        bar,
        1,
      );
      assertClose(
        'heads',
        { shape: [heads.length], data: result.heads },
        { shape: [heads.length], data: heads },
        bar,
        1,
      );
      // all of the difference comes in with one token; before it nothing differs
      if (difference(clean) === difference(corrupted)) assert.ok(variant.name.includes('window of 1'));
      else assert.deepEqual([result.resid[0], Math.abs(result.resid[1]! - 1) < bar], [0, true]);
      await model.runner.dispose();
    });
  }

  it('finds the induction circuit', async () => {
    const model = await openSample('attn-only-2l');
    // 660 was followed by 1234, and in the corrupted prompt never said before
    const params = {
      clean: { ids: [0, 55, 660, 1234, 2345, 777, 888, 1010, 660] },
      corrupted: { ids: [0, 55, 3456, 1234, 2345, 777, 888, 1010, 660] },
      answer: { id: 1234 },
      wrong: { id: 2345 },
    };
    const { heads, resid, clean, corrupted } = await patch(model, params, noSteps);
    assert.ok(clean > corrupted + 2, `${clean}, ${corrupted}`);
    const best = [...heads.keys()].sort((a, b) => heads[b]! - heads[a]!).slice(0, 3);
    // L0H4, L1H5, L1H7
    assert.deepEqual(
      best.sort((a, b) => a - b),
      [4, 13, 15],
    );
    // layer 0 reads it where it stands, layer 1 at the token after it
    assert.ok(Math.abs(resid[2]! - 1) < 1e-3 && resid[9 + 3]! > 0.5, `${resid}`);
    await model.runner.dispose();
  });

  it('takes texts', async () => {
    const model = await openSample('attn-only-2l');
    const params = {
      clean: { text: 'const map = new Set' },
      corrupted: { text: 'const map = new Map' },
      answer: { text: '(' },
      wrong: { text: '<' },
    };
    const { answer, wrong, cleanTokens, resid, heads } = await patch(model, params, noSteps);
    assert.deepEqual([answer.text, wrong.text], ['(', '<']);
    assert.deepEqual([resid.length, heads.length], [2 * cleanTokens.length, 16]);
    // the last token is what differs
    assert.ok(Math.abs(resid[cleanTokens.length - 1]! - 1) < 1e-3);
    await model.runner.dispose();
  });

  it('needs prompts of equally many tokens, and tokens', async () => {
    const model = await openSample('attn-only-2l');
    const base = { answer: { id: 5 }, wrong: { id: 6 } };
    const run = (params: object): Promise<unknown> =>
      patch(model, { clean: { ids: [1, 2] }, corrupted: { ids: [1, 3] }, ...base, ...params }, noSteps);
    await assert.rejects(run({ corrupted: { ids: [1, 3, 4] } }), /clean prompt has 2 tokens and the corrupted one 3/);
    await assert.rejects(run({ answer: { text: ' two words' } }), /expected exactly one/);
    await assert.rejects(run({ answer: { id: 4096 } }), InputError);
    await model.runner.dispose();
  });

  it('of a prompt into itself says that there is nothing to bring back', async () => {
    const model = await openSample('attn-only-1l');
    const same = { ids: [0, 5, 9] };
    const params = { clean: same, corrupted: same, answer: { id: 5 }, wrong: { id: 6 } };
    const { notices, resid, heads } = await patch(model, params, noSteps);
    assert.ok(notices.some((notice) => /not defined/.test(notice)));
    assert.ok([...resid, ...heads].every(Number.isNaN));
    await model.runner.dispose();
  });
});
