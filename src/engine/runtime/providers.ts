import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import type { LogLine } from '../../protocol/engine';
import { InputError } from '../checkpoint/errors';
import { DataType, GraphBuilder } from '../graph/builder';

/** Fastest first; a provider that is not named here comes before the last two. TensorRT compiles each new shape for minutes. */
const PREFERENCE = ['cuda', 'dml', 'coreml', 'webgpu'];
const LAST = ['tensorrt', 'cpu'];

// what fails is said by us, in one line; ONNX Runtime would print it to stderr as well
env.logLevel = 'fatal';

/** What ONNX Runtime offers on this platform, in the order in which it is tried: the CPU last. */
export function defaultProviders(): string[] {
  const rank = (name: string): number => {
    const late = LAST.indexOf(name);
    if (late >= 0) return 1000 + late;
    const early = PREFERENCE.indexOf(name);
    return early >= 0 ? early : 500;
  };
  return listSupportedBackends()
    .map((b) => b.name)
    .sort((a, b) => rank(a) - rank(b));
}

/** Why a provider does not start here, or undefined when it does; asked once a process. */
const started = new Map<string, Promise<string | undefined>>();

/**
 * The first provider of the list that starts. Each is tried by itself: a list is refused whole when one of it is missing.
 * @param requested names in order; empty: `defaultProviders()`
 * @throws InputError when none starts
 */
export async function chooseProvider(
  requested: string[],
  log: (line: LogLine) => void,
): Promise<{ provider: string; notes: string[] }> {
  const notes: string[] = [];
  const named = requested.length > 0;
  for (const provider of named ? requested : defaultProviders()) {
    const why = (named ? undefined : missingLibrary(provider)) ?? (await startError(provider));
    if (why === undefined) return { provider, notes };
    notes.push(`${provider} did not start: ${why}`);
    log({ level: 'warn', message: `Execution provider ${notes.at(-1)}` });
  }
  const hint = named && !requested.includes('cpu') ? '; cpu always starts' : '';
  throw new InputError(`No execution provider started (${notes.join('; ')})${hint}.`);
}

function startError(provider: string): Promise<string | undefined> {
  const known = started.get(provider) ?? tryProvider(provider);
  started.set(provider, known);
  return known;
}

/** Where Linux keeps its libraries; a provider that is asked for by name is tried in any case. */
const LIBRARY_FOLDERS = [
  ...(process.env['LD_LIBRARY_PATH']?.split(':') ?? []),
  ...['/usr/lib', '/usr/lib64', '/usr/local/lib', '/lib64', '/run/opengl-driver/lib'],
  ...['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'],
];

/** Without Vulkan's loader WebGPU cannot start, and its own complaint goes to stderr past everybody. */
function missingLibrary(provider: string): string | undefined {
  if (provider !== 'webgpu' || process.platform !== 'linux') return undefined;
  const found = LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, 'libvulkan.so.1')));
  return found ? undefined : 'libvulkan.so.1 is not installed';
}

async function tryProvider(provider: string): Promise<string | undefined> {
  // names that this build does not know are dropped by ONNX Runtime with a warning, and the CPU would run instead
  if (!listSupportedBackends().some((b) => b.name === provider)) return 'not part of ONNX Runtime on this platform';
  const g = new GraphBuilder();
  const x = g.input('x', DataType.FLOAT, [2, 2]);
  g.alias(g.op('MatMul', [x, x]), 'y');
  const { bytes } = g.build([{ name: 'y', dtype: DataType.FLOAT }]);
  try {
    const session = await InferenceSession.create(bytes, { executionProviders: [provider], logSeverityLevel: 4 });
    const { y } = await session.run({ x: new Tensor('float32', new Float32Array([1, 2, 3, 4]), [2, 2]) });
    await session.release();
    const right = (y?.data as Float32Array | undefined)?.join() === '7,10,15,22';
    return right ? undefined : 'a 2 × 2 product came out wrong';
  } catch (error) {
    return firstLine(error);
  }
}

/** ONNX Runtime's message without the place in its source and the name of its function. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text
    .split('\n')[0]!
    .trim()
    .replace(/^.* was false\. /, '')
    .replace(/^\w+: /, '');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
