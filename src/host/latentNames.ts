import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { SaeInfo } from '../protocol/latents';
import type { LatentName, LatentNames } from '../protocol/latents/names';
import { writeWhole } from './saveFile';
import { notWritten } from './words';

export const NAMES_FILE = 'latent-names.json';

const EXAMPLE = '{"604": {"name": "…", "note": "…"}}';

type Fields = Record<string, unknown>;
type Sae = Pick<SaeInfo, 'path' | 'nLatents'>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isLatent = (key: string): boolean => /^(0|[1-9]\d*)$/.test(key);

/** Checks what a names file says; entries whose key is no latent are others' and are left alone. */
export function parseNames(text: string, file: string, nLatents: number): { raw: Fields; names: LatentNames } {
  const wrong = (what: string): Error => new Error(vscode.l10n.t('{0}: {1}.', file, what));
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw wrong(vscode.l10n.t('not JSON ({0})', error instanceof Error ? error.message : String(error)));
  }
  if (!isObject(raw)) throw wrong(vscode.l10n.t('expected an object of latents, as {0}', EXAMPLE));
  const names: LatentNames = {};
  for (const [key, entry] of Object.entries(raw)) {
    if (!isLatent(key)) continue;
    if (Number(key) >= nLatents)
      throw wrong(vscode.l10n.t('there is no latent {0}, the autoencoder has {1}', key, nLatents));
    if (!isObject(entry)) throw wrong(vscode.l10n.t('latent {0} must be an object with a "name"', key));
    const { name = '', note } = entry;
    if (typeof name !== 'string') throw wrong(vscode.l10n.t('"name" of latent {0} must be a text', key));
    if (note !== undefined && typeof note !== 'string')
      throw wrong(vscode.l10n.t('"note" of latent {0} must be a text', key));
    names[key] = { name, ...(note && { note }) };
  }
  return { raw, names };
}

/** The file with one latent named, noted or, with neither, forgotten; what others wrote stays. Keys are sorted. */
export function withName(raw: Fields, latent: number, { name, note }: LatentName): string {
  const old = raw[latent];
  const others = { ...(isObject(old) ? old : {}) };
  delete others.name;
  delete others.note;
  const entry = { ...(name && { name }), ...(note && { note }), ...others };
  const rest = Object.entries(raw).filter(([key]) => key !== String(latent));
  if (Object.keys(entry).length > 0) rest.push([String(latent), entry]);
  // numbers come first, in their order, whatever the order in which an object gets them
  const sorted = Object.fromEntries(rest.sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(sorted, null, 2)}\n`;
}

/** `latent-names.json` beside one SAE: read, watched, and written whole. */
export class LatentNamesFile implements vscode.Disposable {
  /** Empty while there is no file or it is wrong. */
  names: LatentNames = {};
  private readonly file: string;
  private readonly watcher: vscode.FileSystemWatcher;
  private writing: Promise<void> = Promise.resolve();
  private said = '';

  /** @param onError is told once about each thing that is wrong with the file */
  constructor(
    private readonly sae: Sae,
    private readonly onChange: () => void,
    private readonly onError: (message: string) => void,
  ) {
    this.file = path.join(sae.path, NAMES_FILE);
    this.watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.file(sae.path), NAMES_FILE),
    );
    const again = (): void => void this.reload();
    this.watcher.onDidChange(again);
    this.watcher.onDidCreate(again);
    this.watcher.onDidDelete(again);
  }

  async reload(): Promise<void> {
    let names: LatentNames = {};
    try {
      ({ names } = await this.read());
      this.said = '';
    } catch (error) {
      const message = (error as Error).message;
      if (message !== this.said) this.onError(message);
      this.said = message;
    }
    if (JSON.stringify(names) === JSON.stringify(this.names)) return;
    this.names = names;
    this.onChange();
  }

  /** One after the other; rejects with a sentence when the file is wrong or cannot be written, and leaves it as it is. */
  rename(latent: number, name: LatentName): Promise<void> {
    const write = async (): Promise<void> => {
      const { raw } = await this.read();
      await writeWhole(this.file, withName(raw, latent, name)).catch((error: unknown) => {
        throw new Error(notWritten(this.file, error));
      });
      await this.reload();
    };
    const done = this.writing.then(write);
    this.writing = done.catch(() => undefined);
    return done;
  }

  private async read(): Promise<{ raw: Fields; names: LatentNames }> {
    try {
      return parseNames(await readFile(this.file, 'utf8'), this.file, this.sae.nLatents);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { raw: {}, names: {} };
      throw error;
    }
  }

  dispose(): void {
    this.watcher.dispose();
  }
}
