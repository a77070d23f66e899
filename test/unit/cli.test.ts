/** The built command line, as a process, on a sample against float64 activations that were computed elsewhere. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { circuitscope, succeed } from './support/cli';
import { assertClose } from './support/closeness';
import { readTensors, REFERENCE, ROOT, SAMPLES, tempFolder } from './support/files';

interface RunJson {
  tokens: { id: number; text: string; start: number; end: number }[];
  provider: string;
  timings: { load: number; run: number };
  surprisal: (number | null)[];
  predictions: { id: number; text: string; p: number }[][];
  hooks: Record<string, number[]>;
  notices: string[];
}

interface Reference {
  prompts: { text: string; ids: number[]; loss_per_token: number[]; next_token_top5: [number, number][] }[];
}

const sample = join(SAMPLES, 'attn-only-2l');
const CPU = ['--provider', 'cpu'];

describe('command line', function () {
  this.timeout(30_000);
  const folder = tempFolder();
  const reference = JSON.parse(readFileSync(join(REFERENCE, 'attn-only-2l/reference.json'), 'utf8')) as Reference;
  const expected = readTensors(join(REFERENCE, 'attn-only-2l/reference.safetensors'));

  reference.prompts.forEach((prompt, i) => {
    it(`run: hooks and predictions are the reference's (prompt ${i})`, async () => {
      const out = join(folder, `prompt-${i}.safetensors`);
      const promptFile = join(folder, `prompt-${i}.txt`);
      writeFileSync(promptFile, prompt.text);
      const given = [
        ['--prompt', prompt.text],
        ['--prompt-file', promptFile],
      ][i % 2]!;
      const hooks = 'blocks.*.attn.hook_pattern,blocks.*.hook_resid_*,logits';
      const { stdout } = await succeed('run', sample, ...given, '--hooks', hooks, '--out', out, '--json', ...CPU);
      const result = JSON.parse(stdout) as RunJson;

      const actual = readTensors(out);
      const names = Object.keys(expected).filter((name) => name.startsWith(`prompt.${i}.`));
      assert.equal(names.length, 7);
      assert.equal(Object.keys(actual).length, 7);
      for (const name of names) {
        const hook = name.slice(`prompt.${i}.`.length);
        assertClose(hook, actual[hook]!, expected[name]!);
        assert.deepEqual(result.hooks[hook], expected[name]!.shape);
      }

      assert.deepEqual(
        result.tokens.map(({ id }) => id),
        prompt.ids,
      );
      for (const { text, start, end } of result.tokens) assert.equal(text, prompt.text.slice(start, end));
      assert.equal(result.tokens.map(({ text }) => text).join(''), prompt.text);
      assert.equal(result.predictions.length, prompt.ids.length);
      for (const top of result.predictions) assert.equal(top.length, 5);
      // the reference has those after the last token
      prompt.next_token_top5.forEach(([id, p], rank) => {
        const found = result.predictions.at(-1)![rank]!;
        assert.equal(found.id, id, `prediction ${rank}`);
        assert.ok(Math.abs(found.p - p) < 1e-5, `its probability ${found.p}, expected ${p}`);
        assert.equal(typeof found.text, 'string');
      });
      assert.equal(result.surprisal[0], null);
      prompt.loss_per_token.forEach((nats, position) =>
        assert.ok(Math.abs(result.surprisal[position + 1]! * Math.LN2 - nats) < 1e-4, `surprisal at ${position + 1}`),
      );
      assert.equal(result.provider, 'cpu');
      assert.ok(result.timings.load > 0 && result.timings.run > 0);
      assert.deepEqual(result.notices, []);
    });
  });

  it('run: token ids, as a table', async () => {
    const { stdout, stderr } = await succeed('run', sample, '--ids', '445, 514,1006', ...CPU);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 5);
    assert.match(lines[2]!, /^ *1 +514 +·function +\d+\.\d\d +\S+ +0\.\d{3}$/);
    assert.match(lines[4]!, /^3 tokens on cpu, loaded in \d+ ms, run in \d+ ms$/);
    assert.equal(stderr, '');
  });

  it('run: one token has no surprisal, and is one token', async () => {
    const { stdout } = await succeed('run', sample, '--ids', '445', ...CPU);
    assert.match(stdout, /\n1 token on cpu, /);
    assert.doesNotMatch(stdout, /NaN/);
  });

  it('run: a prompt that is too long is cut and says so', async () => {
    const ids = new Array<number>(300).fill(7).join();
    const { stdout, stderr } = await succeed('run', sample, '--ids', ids, '--json', ...CPU);
    const result = JSON.parse(stdout) as RunJson;
    const notice = 'The prompt has 300 tokens; the first 256 are shown (context length of the model).';
    assert.equal(result.tokens.length, 256);
    assert.deepEqual(result.notices, [notice]);
    assert.equal(stderr, `${notice}\n`);
  });

  it('info: as text and as JSON', async () => {
    const { stdout } = await succeed('info', sample);
    for (const fact of ['attn_only', '2, 8 heads', 'd_model 256', '2,686,976 parameters', 'F16', 'hook_pattern'])
      assert.ok(stdout.includes(fact), `${fact} in ${stdout}`);
    const json = JSON.parse((await succeed('info', join(sample, 'config.json'), '--json')).stdout) as {
      nLayers: number;
      hooks: string[];
      providers: string[];
    };
    assert.equal(json.nLayers, 2);
    assert.ok(json.hooks.includes('blocks.1.attn.hook_pattern'));
    assert.equal(json.providers.at(-1), 'cpu');
  });

  it('--help names every command and option', async () => {
    const root = await succeed('--help');
    assert.match(root.stdout, /info[\s\S]*run[\s\S]*Exit status/);
    const { stdout } = await succeed('run', '--help');
    for (const option of ['--prompt <', '--prompt-file', '--ids', '--hooks', '--out', '--json', '--provider'])
      assert.ok(stdout.includes(option), option);
  });

  describe('a mistake exits with 2 and one line, and leaves no file', () => {
    const out = join(folder, 'never.safetensors');
    const bad = join(folder, 'bad');
    const run = (...args: string[]): string[] => ['run', sample, ...args, ...CPU];
    const mistakes: [string[], RegExp][] = [
      [[], /a command is missing/],
      [['fly'], /unknown command 'fly'/],
      [['info'], /missing required argument 'checkpoint'/],
      [['info', sample, '--jsn'], /unknown option '--jsn'/],
      [['info', bad], /bad/],
      [run(), /exactly one of --prompt, --prompt-file and --ids/],
      [run('--prompt', 'a', '--ids', '1'), /exactly one of/],
      [run('--prompt', ''), /The prompt is empty/],
      [run('--prompt-file', join(folder, 'no such file')), /--prompt-file cannot be read: .*no such file/],
      [run('--ids', '1,two'), /--ids: .* found “two”/],
      [run('--ids', '1,4096'), /Token id 4096 is not in the vocabulary of attn-only-2l: expected 0–4095/],
      [run('--ids', '1', '--hooks', 'logits'), /--hooks needs --out/],
      [run('--ids', '1', '--out', out), /--out needs --hooks/],
      [run('--ids', '1', '--hooks', 'blocks.*.mlp.hook_nose', '--out', out), /blocks\.\*\.mlp\.hook_nose/],
      [run('--ids', '1', '--hooks', 'logits', '--out', join(folder, 'no/such/folder')), /cannot be written/],
      // no provider is tried before
      ...['run', 'composition'].flatMap((command): [string[], RegExp][] => {
        const hooks = command === 'run' ? ['--ids', '1', '--hooks', 'logits'] : [];
        const into = (file: string): string[] => [command, sample, ...hooks, '--out', file, '--provider', 'abacus'];
        // Windows has no such place in its file system
        const device: [string[], RegExp] = [into('/dev/null'), /cannot be written: it is not a file/];
        return [
          ...(process.platform === 'win32' ? [] : [device]),
          [into(join(folder, 'no/such/folder')), /--out: .*folder cannot be written: .*such does not exist/],
          [into(join(sample, 'config.json', 'x')), /cannot be written: .*config\.json is not a folder/],
          [into(folder), /cannot be written: it is a folder/],
        ];
      }),
      [
        ['run', sample, '--ids', '1', '--provider', 'abacus'],
        /No execution provider started \(abacus .*\); cpu always starts\.$/m,
      ],
    ];
    for (const [args, message] of mistakes) {
      it(args.map((arg) => arg.replace(ROOT, '.').replace(folder, '')).join(' ') || '(nothing)', async () => {
        const { status, stdout, stderr } = await circuitscope(...args);
        assert.equal(status, 2, stderr);
        assert.equal(stdout, '');
        assert.match(stderr, /^circuitscope: [^\n]+\n$/);
        assert.match(stderr, message);
        assert.equal(existsSync(out), false);
        assert.deepEqual(
          readdirSync(folder).filter((name) => name.endsWith('.tmp')),
          [],
        );
      });
    }
  });
});
