/** Python for TransformerLens: text that would break out of it, that it parses, and that every kind of result has some. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Token } from '../../src/protocol/analysis';
import { pythonList, pythonString, type CodeModel } from '../../src/protocol/python';
import { reportCode } from '../../src/protocol/reportCode';
import {
  codeKinds,
  transformerLensCode,
  type CodeKind,
  type CodeRequests,
} from '../../src/protocol/transformerLensCode';
import { succeed, circuitscope } from './support/cli';
import { SAMPLES } from './support/files';

const HOSTILE = `"""'''\\\n\r\n\t\0 # \u2028\u2029\u202e\u{1f600}\ud800 {layer} $\{x} %s \x7f\x85 import os`;

const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);

/** What Python makes of it; its standard input and output are ASCII. */
function inPython(script: string, input: unknown): unknown {
  const { status, stdout, stderr } = spawnSync(python!, ['-c', script], {
    input: JSON.stringify(input).replace(
      /[\u0080-\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const prompt = { ids: Array.from({ length: 45 }, (_, i) => i), text: HOSTILE };
const head = { layer: 1, head: 2 };
const second: CodeModel = { path: `/b/${HOSTILE}`, architecture: 'attn_only', nLayers: 2, nHeads: 4 };
const sae = { path: `/a/${HOSTILE}`, layers: [0, 1], standardize: true, tunedLens: false };
const requests: { [K in CodeKind]: CodeRequests[K][] } = {
  activations: [prompt, { ids: [1] }],
  pattern: (['pattern', 'value-weighted'] as const).flatMap((weighting) => [
    { ...prompt, weighting, reduction: 'one', head },
    { ...prompt, weighting, reduction: 'mean' },
    { ...prompt, weighting, reduction: 'max' },
  ]),
  headScores: [{ sequences: [prompt.ids, [0, 1, 2]], start: 1, length: 22 }],
  composition: [{}, { foldNorm: false }],
  headCircuit: [{ head, top: 3 }],
  bigrams: [{ top: 5 }, { top: 5, token: 7 }],
  lens: [{ ...prompt, top: 2 }],
  paths: (['paths', 'frozen'] as const).map((form) => ({ ...prompt, position: 3, token: 9, form, longest: 2 })),
  importance: [prompt],
  ablate: [false, true].map((mean) => ({
    ...prompt,
    heads: [head, { layer: 0, head: 0 }, { layer: 1, head: 0 }],
    mean,
  })),
  patch: [{ clean: prompt, corrupted: prompt, answer: 1, wrong: 2 }],
  latents: [
    { ...prompt, sae: { ...sae, format: 'mlsae', activation: 'topk', k: 16 } },
    { ...prompt, sae: { ...sae, format: 'mlsae-tfm', activation: 'topk', k: 16, tunedLens: true } },
    { ...prompt, sae: { ...sae, format: 'sparsify', activation: 'topk', k: 16 } },
    ...(['relu', 'jumprelu', 'gated'] as const).map((activation): CodeRequests['latents'] => ({
      ...prompt,
      sae: { ...sae, format: 'saelens', activation },
    })),
  ],
  latentCard: (['mlsae', 'saelens', 'sparsify'] as const).map((format): CodeRequests['latentCard'] => ({
    ...{ latent: 3, top: 10 },
    sae: { ...sae, format, activation: 'topk', k: 16, tunedLens: format === 'sparsify' },
  })),
  layers: (['mlsae', 'saelens', 'sparsify'] as const).map((format): CodeRequests['layers'] => ({
    ...prompt,
    sae: { ...sae, format, activation: 'topk', k: 16 },
  })),
  comparePatterns: (['pattern', 'value-weighted'] as const).flatMap((weighting) => [
    { ...prompt, weighting, head, b: second },
    { ...prompt, weighting, b: second },
  ]),
  compareHeadScores: [{ sequences: [prompt.ids, [0, 1, 2]], start: 1, length: 22, b: second }],
  compareComposition: [
    { top: 5, b: second },
    { top: 5, b: second, foldNorm: false },
  ],
  compareLatents: (['mlsae', 'saelens'] as const).flatMap((format): CodeRequests['compareLatents'][] => {
    const own = { ...sae, format, activation: format === 'mlsae' ? 'topk' : 'gated', k: 16, tunedLens: true } as const;
    const both = { ...prompt, b: second, top: 5, sae: own };
    return [both, { ...both, otherSae: { ...own, path: `/b/${HOSTILE}`, k: 8 } }];
  }),
  compareNextTokens: [{ ...prompt, b: second }],
  steer: [{ kind: 'add', factor: -2.5 } as const, { kind: 'ablate' } as const].flatMap((edit) =>
    (['mlsae', 'saelens'] as const).map((format): CodeRequests['steer'] => ({
      ...{ ...prompt, edit, latent: 3, layer: 1 },
      sae: { ...sae, format, activation: format === 'mlsae' ? 'topk' : 'jumprelu', standardize: format === 'mlsae' },
    })),
  ),
};

const models: CodeModel[] = ['attn_only', 'gpt_neox', 'onnx (gpt2)'].flatMap((architecture) =>
  [0, 2].map((nLayers) => ({ path: `/models/${HOSTILE}`, architecture, nLayers, nHeads: 4 })),
);

function* everyCode(): Generator<[string, string]> {
  for (const model of models) for (const kind of codeKinds) yield* codes(kind, model);
}
function codes<K extends CodeKind>(kind: K, model: CodeModel): [string, string][] {
  return requests[kind].map((request, i) => [
    `${kind} ${i} ${model.architecture}`,
    transformerLensCode[kind](model, request),
  ]);
}

describe('TransformerLens code', function () {
  this.timeout(30_000);

  it('quotes text so that it stays on its line and inside its quotes', () => {
    for (const text of [HOSTILE, '', '"', '\\', '\\"', `'''`, '\n']) {
      const quoted = pythonString(text);
      assert.match(quoted, /^"(?:[^"\\]|\\.)*"$/);
      assert.doesNotMatch(quoted, /[\p{C}\p{Zl}\p{Zp}]/u);
    }
    assert.equal(pythonString('\u{1f600}\u202e'), '"\u{1f600}\\U0000202e"');
  });

  it('is never longer than one line where text is', () => {
    for (const [name, code] of everyCode()) {
      const lines = code.split(/\r\n|[\n\r\u2028\u2029\x85]/);
      assert.equal(lines.filter((line) => /^\s*import os/.test(line)).length, 0, name);
      assert.doesNotMatch(code, /undefined|\[object|NaN/, name);
    }
  });

  it('writes lists of any length', () => {
    assert.equal(pythonList([]), '[]');
    assert.equal(pythonList([1, 2]), '[1, 2]');
    const many = Array.from({ length: 45 }, (_, i) => i);
    assert.deepEqual(JSON.parse(pythonList(many).replace(/,\s*\]/, ']')), many);
  });

  it('leaves weights as they are for activations, and folds norms for weights', () => {
    const [model] = models;
    assert.match(transformerLensCode.activations(model!, prompt), /fold_ln=False, center_writing_weights=False/);
    assert.match(transformerLensCode.composition(model!, {}), /fold_ln=True, center_writing_weights=False/);
    assert.match(transformerLensCode.composition(model!, { foldNorm: false }), /fold_ln=False/);
  });

  it('opens two autoencoders, each with its own k, and asks each about its own checkpoint', () => {
    const own = { ...sae, path: '/a/step10', format: 'mlsae', activation: 'topk', k: 16 } as const;
    const request = { ...prompt, b: second, top: 5, sae: own };
    const otherSae = { ...own, path: '/a/step20', k: 8 };
    const code = transformerLensCode.compareLatents(models[3]!, { ...request, otherSae });
    assert.match(code, /^encode_a, errors_a = opened_sae\("\/a\/step10", k=16\)\nencode_b, errors_b = opened_sae\("\/a\/step20", k=8\)$/m); // prettier-ignore
    assert.match(code, /a\.topk\(k\)/);
    assert.match(code, /z_a, z_b = encode_a\(x_a\), encode_b\(x_b\)/);
    assert.match(code, /errors_b\(x_b, z_b\)\[1\] - errors_a\(x_a, z_a\)\[1\]/);
    assert.doesNotMatch(code, /tuned lens/);
    assert.doesNotMatch(transformerLensCode.compareLatents(models[3]!, request), /opened_sae|_sae\(/);
  });

  it('is there for the answers of panels', () => {
    const tokens: Token[] = [5, 6, 7].map((id) => ({ id, text: `t${id}`, start: 0, end: 0 }));
    const code = reportCode('paths', models[1]!, {
      question: {},
      result: {
        ...{ tokens, position: 1, token: { id: 9, text: '' }, logit: 0, sum: 0, form: 'paths', notices: [] },
        terms: [{ name: 'L0H0→L1H0', kind: 'virtualHead', value: 1, heads: [head, head] }],
      },
    });
    // what comes after the position is not asked about
    assert.match(code, /tokens = torch\.tensor\(\[\[5, 6\]\]\)/);
    assert.match(code, /token = 9 /);
    assert.match(code, /len\(heads\) == 2:/);
  });

  it('comes from the command line with the tokens of the prompt', async () => {
    const sample = join(SAMPLES, 'attn-only-2l');
    const { stdout } = await succeed('code', 'ablate', sample, '--ids', '5,6,7', '--heads', 'L0H1,L1H4,L1H2');
    assert.match(stdout, /heads = \{0: \[1\], 1: \[4, 2\]\}/);
    assert.match(stdout, /tokens = torch\.tensor\(\[\[5, 6, 7\]\]\)/);
    const refused: [RegExp, ...string[]][] = [
      [/there is no code for “nothing”: expected activations, pattern/, 'nothing', sample],
      [/--heads is missing/, 'ablate', sample, '--ids', '5'],
      [/--head: there is no head L9H9/, 'headCircuit', sample, '--head', 'L9H9'],
      [/--position: 7 is not in the prompt: expected 0–2/, 'paths', sample, '--ids', '5,6,7', '--position', '7'],
      [/expected 2 tokens.*found 1/, 'patch', sample, '--ids', '5,6', '--corrupted-ids', '5'],
      [/--mlsae is missing/, 'compareLatents', sample, '--ids', '5', '--other', sample],
      [/latentCard needs --latent/, 'latentCard', sample],
      [/--other is missing/, 'compareNextTokens', sample, '--ids', '5'],
      [/has MLPs/, 'importance', join(SAMPLES, 'neox-6l'), '--ids', '5'],
    ];
    await Promise.all(
      refused.map(async ([message, ...args]) => {
        const { status, stderr } = await circuitscope('code', ...args);
        assert.equal(status, 2);
        assert.match(stderr, message);
      }),
    );
  });

  if (python) {
    it('parses in Python, every kind', () => {
      const all = [...everyCode()];
      assert.ok(all.length > 100);
      const script = `import ast, json, sys
for name, code in json.load(sys.stdin):
    try: ast.parse(code)
    except SyntaxError as error: sys.exit(f"{name}: {error}\\n{code}")
print("true")`;
      assert.equal(inPython(script, all), true);
    });

    it('reads back in Python as the same text', () => {
      const texts = [HOSTILE, '"""', '\\', `'`, '\u{10ffff}', '\udc00'];
      const script = `import ast, json, sys
print(json.dumps([ast.literal_eval(text) for text in json.load(sys.stdin)]))`;
      assert.deepEqual(inPython(script, texts.map(pythonString)), texts);
    });
  }
});
