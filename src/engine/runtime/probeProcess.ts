/** Tries a provider in a process of its own, as a driver may crash or hang. */
import * as l10n from '@vscode/l10n';
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ProbeAnswer } from '../probe';
import type { Probe } from './probeGraph';

/** From start to answer: a first start compiles shaders or loads CUDA's libraries. What is asked for by name may be slow. */
const LIMIT_MS = { any: 10_000, named: 60_000 };
/** Of stderr; what devices there are is at its beginning. */
const KEPT_CHARACTERS = 32_768;

export type Tried = { device?: string } & (({ started: true } & Probe) | { started: false; why: string });

/** The bundle of `probe.ts`: beside the engine's, or seen from a bundled test. */
const probeFile = (): string =>
  [join(__dirname, 'probe.js'), join(__dirname, '../../dist/probe.js')].find(existsSync) ?? join(__dirname, 'probe.js');

export interface TryOptions {
  named?: boolean;
  /** Others than the usual ones, so that tests can try what crashes or hangs. */
  file?: string;
  limitMs?: number;
}

export function tryInProcess(provider: string, options: TryOptions = {}): Promise<Tried> {
  const { file = probeFile(), limitMs = options.named ? LIMIT_MS.named : LIMIT_MS.any } = options;
  return new Promise((resolve) => {
    const child = fork(file, [provider], {
      execArgv: [],
      // VS Code's extension host is Electron; this makes the same binary a plain Node
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let [answer, log, late]: [ProbeAnswer | undefined, string, boolean] = [undefined, '', false];
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limitMs);
    const end = (why: string): void => {
      clearTimeout(timer);
      const device = deviceIn(log);
      const told = answer ?? { error: why };
      const tried: Tried = 'error' in told ? { started: false, why: told.error } : { started: true, ...told };
      resolve({ ...(device !== undefined && { device }), ...tried });
    };
    child.on('message', (message: ProbeAnswer) => (answer ??= message));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(0, KEPT_CHARACTERS)));
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) =>
      end(late ? l10n.t('no answer within {0} s', limitMs / 1000) : endOf(code, signal)),
    );
  });
}

const endOf = (code: number | null, signal: NodeJS.Signals | null): string =>
  l10n.t('the process that tried it ended ({0})', signal ?? l10n.t('exit code {0}', String(code)));

/** The graphics card that ONNX Runtime found, as its log describes it. */
export function deviceIn(log: string): string | undefined {
  for (const [, text = ''] of log.matchAll(/Discovered OrtHardwareDevice \{(.*)\}/g)) {
    if (!/\btype:1\b/.test(text)) continue;
    const described = /Description=([^,\]}]+)/.exec(text)?.[1];
    const vendor = /\bvendor:([^,]*)/.exec(text)?.[1];
    const id = /\bdevice_id:(0x[0-9a-f]+)/i.exec(text)?.[1];
    const name = described ?? [vendor, id].filter(Boolean).join(' ');
    if (name) return name.trim();
  }
  return undefined;
}
