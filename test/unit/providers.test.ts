/** Choosing an execution provider: what does not start, hangs, crashes, is slow or wrong; and `circuitscope providers`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Check } from '../../src/engine/providerCheck';
import { passes } from '../../src/engine/providerCheck';
import { deviceIn, tryInProcess, type Tried } from '../../src/engine/runtime/probeProcess';
import { differ } from '../../src/engine/runtime/probeGraph';
import { chooseProvider, missingHere, type Machine } from '../../src/engine/runtime/providers';
import { circuitscope, succeed } from './support/cli';
import { ROOT, SAMPLES, tempFolder, writeFile } from './support/files';

const fast: Tried = { started: true, ms: 2, cpuMs: 10, difference: 1e-6 };
const slow: Tried = { started: true, ms: 412, cpuMs: 9, difference: 1e-6 };
const wrong: Tried = { started: true, ms: 2, cpuMs: 10, difference: 3e-3 };
const crashed: Tried = { started: false, why: 'the process that tried it ended (SIGSEGV)' };

/** A machine with CUDA, WebGPU and the CPU, on which providers behave as told. */
const machine = (outcomes: Record<string, Tried>, missing: Record<string, string> = {}): Machine => ({
  providers: () => ['cuda', 'webgpu', 'cpu'],
  missing: (provider) => missing[provider],
  attempt: async (provider) => outcomes[provider] ?? assert.fail(`${provider} was tried`),
});

async function chosen(requested: string[], on: Machine): Promise<{ provider: string; notes: string[] }> {
  const logged: string[] = [];
  const choice = await chooseProvider(requested, ({ message }) => void logged.push(message), on);
  assert.deepEqual(logged, choice.notes.map((line) => `Execution provider ${line}`)); // prettier-ignore
  return choice;
}

describe('choice of an execution provider', () => {
  it('is the first that starts, is right, and is faster than the CPU', async () => {
    assert.deepEqual(await chosen([], machine({ cuda: fast })), { provider: 'cuda', notes: [] });
    assert.deepEqual(await chosen([], machine({ cuda: crashed, webgpu: fast })), {
      provider: 'webgpu',
      notes: ['cuda did not start: the process that tried it ended (SIGSEGV)'],
    });
    assert.deepEqual(await chosen([], machine({ cuda: wrong, webgpu: slow })), {
      provider: 'cpu',
      notes: [
        'cuda is not used: its numbers differ from the CPU’s by 3.0e-3 of the largest, more than 0.0001',
        'webgpu is not used: it takes 412 ms for what the CPU does in 9 ms',
      ],
    });
  });

  it('does not try what cannot start', async () => {
    const on = machine({ webgpu: fast }, { cuda: 'libcuda is not installed' });
    assert.deepEqual(await chosen([], on), {
      provider: 'webgpu',
      notes: ['cuda did not start: libcuda is not installed'],
    });
  });

  it('obeys the setting, also to what is slow or seems to be missing', async () => {
    const on = machine({ webgpu: slow, cuda: fast }, { cuda: 'libcuda is not installed' });
    assert.deepEqual(await chosen(['webgpu', 'cpu'], on), { provider: 'webgpu', notes: [] });
    assert.deepEqual(await chosen(['cuda'], on), { provider: 'cuda', notes: [] });
    assert.deepEqual(await chosen(['cpu', 'cuda'], on), { provider: 'cpu', notes: [] });
  });

  it('never takes one whose numbers are wrong', async () => {
    for (const difference of [2e-4, NaN, Infinity]) {
      const on = machine({ webgpu: { ...fast, difference } });
      assert.equal((await chosen(['webgpu', 'cpu'], on)).provider, 'cpu', String(difference));
    }
    const at = machine({ webgpu: { ...fast, difference: 1e-4 } });
    assert.equal((await chosen(['webgpu', 'cpu'], at)).provider, 'webgpu');
  });

  it('says why none of those that were asked for starts', async () => {
    const on = machine({ webgpu: wrong, cuda: crashed });
    await assert.rejects(chosen(['webgpu', 'cuda'], on), {
      name: 'InputError',
      message:
        /^No execution provider started \(webgpu is not used: .*; cuda did not start: .*SIGSEGV.*\); cpu always starts\.$/,
    });
  });

  it('spends nothing on libraries that are not there', () => {
    // elsewhere than on Linux nothing is known to be missing; tests run without CUDA's libraries; who has them has a test less
    const missing = missingHere('cuda');
    assert.ok(missing === undefined || /^libonnxruntime_providers_cuda\.so is not installed$/.test(missing), missing);
    assert.equal(missingHere('cpu'), undefined);
  });
});

describe('a provider in a process of its own', function () {
  this.timeout(30_000);

  /** A process that does this instead of trying a provider. */
  const behaviour = (code: string): string => writeFile(join(tempFolder(), 'probe.js'), code);

  it('answers how fast and how right it is', async () => {
    const tried = await tryInProcess('cpu', { limitMs: 25_000 });
    assert.ok(tried.started, JSON.stringify(tried));
    assert.equal(tried.difference, 0);
    assert.ok(tried.ms > 0 && tried.cpuMs > 0);
  });

  it('may crash, end or say nothing', async () => {
    const of = (code: string): Promise<Tried> => tryInProcess('webgpu', { file: behaviour(code), limitMs: 2000 });
    // Windows has no signals: there a crash is an exit code
    const crash = process.platform === 'win32' ? 'process.exit(139)' : `process.kill(process.pid, 'SIGSEGV')`;
    const answers = await Promise.all([
      of(`${crash}; setInterval(() => {}, 100)`),
      of('process.exit(3)'),
      of('for (;;);'),
      of(`process.send({ error: 'no adapter' }, () => process.exit())`),
    ]);
    assert.deepEqual(answers, [
      {
        started: false,
        why: `the process that tried it ended (${process.platform === 'win32' ? 'exit code 139' : 'SIGSEGV'})`,
      },
      { started: false, why: 'the process that tried it ended (exit code 3)' },
      { started: false, why: 'no answer within 2 s' },
      { started: false, why: 'no adapter' },
    ]);
  });

  it('names the graphics card that ONNX Runtime’s log tells of', () => {
    const line = (type: number, rest: string): string =>
      `2026 [I:onnxruntime:, x.cc:34] Discovered OrtHardwareDevice {vendor_id:0x10de, device_id:0x2684, vendor:NVIDIA, type:${type}, ${rest}}\n`;
    assert.equal(deviceIn(line(0, 'metadata: []')), undefined);
    assert.equal(deviceIn(line(0, 'metadata: []') + line(1, 'metadata: [Discrete=1]')), 'NVIDIA 0x2684');
    assert.equal(deviceIn(line(1, 'metadata: [Description=NVIDIA RTX 4090, Discrete=1]')), 'NVIDIA RTX 4090');
  });

  it('is measured by its largest difference', () => {
    assert.equal(differ([1, 2, 4.5], [1, 2, 4]), 0.125);
    assert.equal(differ([-Infinity, 1], [-Infinity, 1]), 0);
    assert.equal(differ([-3e38, 1], [-Infinity, 1]), Infinity);
    assert.equal(differ([NaN], [1]), Infinity);
    assert.equal(differ([1], [1, 2]), Infinity);
  });
});

describe('circuitscope providers', function () {
  this.timeout(60_000);

  it('lists all, with a reason for each that does not start', async () => {
    const { providers, chosen: used } = JSON.parse((await succeed('providers', '--json')).stdout) as {
      providers: { name: string; starts: boolean; why?: string; right?: boolean }[];
      chosen: string;
    };
    const names = providers.map(({ name }) => name);
    for (const name of ['cpu', 'cuda', 'dml', 'coreml', 'webgpu']) assert.ok(names.includes(name), name);
    assert.ok(providers.find(({ name }) => name === 'cpu')?.starts);
    assert.ok(providers.some(({ name, starts }) => name === used && starts));
    for (const { name, starts, why, right } of providers) {
      if (!starts) assert.ok(why, name);
      else if (name !== 'cpu') assert.equal(right, true, name);
    }
  });

  it('prints a table', async () => {
    const { stdout } = await succeed('providers', '--provider', 'cpu');
    assert.match(stdout, /^ONNX Runtime 1\.\d+\.\d+ on \S+ \S+\ncpu +starts .*\n\nWithout a setting \w+ is used\.\n$/);
  });

  it('checks every part of a model', async () => {
    const model = [join(SAMPLES, 'neox-6l'), join(SAMPLES, 'mlsae-neox-6l-x16-k16')];
    const check = JSON.parse((await succeed('check-provider', 'cpu', ...model)).stdout) as Check;
    assert.deepEqual(check.parts.map(({ what, difference, bar }) => [what, difference, bar]), [
      ['forward', 0, 1e-4],
      ['encode', 0, 1e-4],
      ['composition', 0, 1e-3],
    ]); // prettier-ignore
    assert.ok(passes(check));
  });

  it('fails a part that is beyond its bar or not finite', () => {
    const part = { what: 'forward' as const, worst: 'logits', bar: 1e-4, ms: 1, cpuMs: 1 };
    const of = (difference: number | null): boolean => passes({ parts: [{ ...part, difference }], skipped: [] });
    assert.deepEqual([1e-5, 1e-4, 2e-4, null].map(of), [true, true, false, false]);
  });

  for (const [args, message] of [
    [['--provider', 'abacus'], /--provider: expected one of .*cpu.*, found “abacus”$/m],
    [['--mlsae', 'x'], /--mlsae needs a checkpoint$/m],
    [['no/such/model'], /no\/such\/model/],
  ] as [string[], RegExp][])
    it(`refuses ${args.join(' ')}`, async () => {
      const { status, stderr } = await circuitscope('providers', ...args);
      assert.deepEqual([status, stderr.trim().split('\n').length], [2, 1], stderr);
      assert.match(stderr.replace(ROOT, '.'), message);
    });
});
