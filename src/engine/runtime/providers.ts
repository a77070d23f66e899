/** Which execution provider runs: by setting, or the first that starts, is right, and is faster than the CPU. */
import * as l10n from '@vscode/l10n';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { env, listSupportedBackends } from 'onnxruntime-node';
import type { LogLine } from '../../protocol/engine';
import { InputError } from '../checkpoint/errors';
import { tryInProcess, type Tried } from './probeProcess';

/** Fastest first; a provider that is not named here comes before the last two. TensorRT compiles each new shape for minutes. */
const PREFERENCE = ['cuda', 'dml', 'coreml', 'webgpu'];
const LAST = ['tensorrt', 'cpu'];

/** From the CPU, over the largest value: DESIGN's bar of every hook. */
export const PROVIDER_BAR = 1e-4;

// what fails is said by us, in one line; ONNX Runtime would print it to stderr as well
env.logLevel = 'fatal';
// NVIDIA's libraries would round the factors of float32 products to 10 bits, ten times the bar
process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';

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

/** All that a person may name, those that this build does not have included. */
export const knownProviders = (): string[] => [...new Set([...defaultProviders(), ...PREFERENCE, ...LAST])];

/** How a provider is tried; tests have their own. */
export type TryProvider = (provider: string, named: boolean) => Promise<Tried>;

/** Outcomes, asked once a process. */
const outcomes = new Map<string, Promise<Tried>>();

/**
 * Whether it starts, on what, how fast and how right. The CPU is not tried: it is what the others are measured by.
 * @param named it has more time
 */
export const triedProvider: TryProvider = (provider, named) => {
  const key = named ? `${provider}, by name` : provider;
  const known = outcomes.get(key) ?? (isOffered(provider) ? tryInProcess(provider, { named }) : notOffered());
  outcomes.set(key, known);
  return known;
};

const isOffered = (provider: string): boolean => listSupportedBackends().some((b) => b.name === provider);
// ONNX Runtime would drop the name with a warning, and the CPU would run instead
const notOffered = async (): Promise<Tried> => ({
  started: false,
  why: l10n.t('not part of ONNX Runtime on {0} {1}', process.platform, process.arch),
});

/** What there is to choose from; tests have another. */
export interface Machine {
  /** In the order in which they are tried. */
  providers: () => string[];
  /** Why there is no need to try one. */
  missing: (provider: string) => string | undefined;
  attempt: TryProvider;
}

const THIS_MACHINE: Machine = { providers: defaultProviders, missing: missingHere, attempt: triedProvider };

/**
 * The first provider of the list that can be used. Each is tried by itself: a list is refused whole when one of it is missing.
 * @param requested names in order; empty: all that there are
 * @throws InputError when none starts
 */
export async function chooseProvider(
  requested: string[],
  log: (line: LogLine) => void,
  machine: Machine = THIS_MACHINE,
): Promise<{ provider: string; notes: string[] }> {
  const notes: string[] = [];
  const named = requested.length > 0;
  for (const provider of named ? requested : machine.providers()) {
    const note = provider === 'cpu' ? undefined : await whyNot(provider, named, machine);
    if (note === undefined) return { provider, notes };
    notes.push(`${provider} ${note}`);
    log({ level: 'warn', message: `Execution provider ${notes.at(-1)}` });
  }
  const tried = notes.join('; ');
  throw new InputError(
    named && !requested.includes('cpu')
      ? l10n.t('No execution provider started ({0}); cpu always starts.', tried)
      : l10n.t('No execution provider started ({0}).', tried),
  );
}

/** @param named the person wants it: it is tried in any case, and may be slow */
async function whyNot(provider: string, named: boolean, { missing, attempt }: Machine): Promise<string | undefined> {
  const absent = named ? undefined : missing(provider);
  if (absent !== undefined) return l10n.t('did not start: {0}', absent);
  const result = await attempt(provider, named);
  if (!result.started) return l10n.t('did not start: {0}', missing(provider) ?? result.why);
  if (isWrong(result)) return l10n.t('is not used: {0}', wrongness(result));
  if (!named && result.ms > result.cpuMs) return l10n.t('is not used: {0}', slowness(result));
  return undefined;
}

type Started = Extract<Tried, { started: true }>;

// a difference that is not a number is wrong too
export const isWrong = ({ difference }: Pick<Started, 'difference'>): boolean => !(difference <= PROVIDER_BAR);
export const wrongness = ({ difference }: Pick<Started, 'difference'>): string =>
  Number.isFinite(difference)
    ? l10n.t(
        'its numbers differ from the CPU’s by {0} of the largest, more than {1}',
        difference.toExponential(1),
        PROVIDER_BAR,
      )
    : l10n.t('its numbers are not finite where the CPU’s are');
export const slowness = ({ ms, cpuMs }: Pick<Started, 'ms' | 'cpuMs'>): string =>
  l10n.t('it takes {0} ms for what the CPU does in {1} ms', ms.toFixed(0), cpuMs.toFixed(0));

/** Where Linux keeps its libraries. */
const LIBRARY_FOLDERS = [
  ...(process.env['LD_LIBRARY_PATH']?.split(':') ?? []),
  ...['/usr/lib', '/usr/lib64', '/usr/local/lib', '/lib64', '/run/opengl-driver/lib'],
  ...['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'],
];

/** How a graphics card shows itself on Linux: Mesa's drivers, NVIDIA's, Windows' through WSL. */
const DEVICES: [folder: string, name: RegExp][] = [
  ['/dev/dri', /^render/],
  ['/dev', /^(nvidia\d|nvidiactl$|dxg$|kgsl)/],
];

/**
 * Why there is no need to try: so that a machine without a graphics card spends nothing. ONNX Runtime's own complaint goes to
 * stderr past everybody. What is asked for by name is tried in any case: libraries may lie elsewhere, a card may be of software.
 */
export function missingHere(provider: string): string | undefined {
  if (process.platform !== 'linux' || !isOffered(provider)) return undefined;
  if (provider === 'cuda' || provider === 'tensorrt')
    return missingBesideRuntime(`libonnxruntime_providers_${provider}.so`);
  if (provider !== 'webgpu') return undefined;
  if (!LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, 'libvulkan.so.1'))))
    return l10n.t('libvulkan.so.1 is not installed');
  const hasCard = DEVICES.some(([folder, name]) => namesIn(folder).some((entry) => name.test(entry)));
  return hasCard ? undefined : l10n.t('there is no graphics card (/dev/dri/render*, /dev/nvidia*, /dev/dxg)');
}

/** A library that ONNX Runtime loads from the folder of its own. */
function missingBesideRuntime(library: string): string | undefined {
  const root = dirname(require.resolve('onnxruntime-node/package.json'));
  const file = join(root, 'bin/napi-v6', process.platform, process.arch, library);
  return existsSync(file) ? undefined : l10n.t('{0} is not installed', library);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
