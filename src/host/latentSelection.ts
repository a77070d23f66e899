import * as vscode from 'vscode';
import type { Analyses } from './analyses';
import type { Latents } from './latents';
import type { SelectionStore } from './selection';

/** Lets a chosen latent go when the autoencoder that it is of is no longer in use. */
export function followSae(latents: Latents, analyses: Analyses, selection: SelectionStore): vscode.Disposable {
  const inUse = (): string | undefined => analyses.current && latents.of(analyses.current.checkpoint)?.path;
  let last = inUse();
  const follow = (): void => {
    const now = inUse();
    // an SAE that is only being opened (after a reload) is not another one
    if (last !== undefined && now !== last) selection.dropLatent();
    last = now;
  };
  return vscode.Disposable.from(latents.onDidChange(follow), analyses.onDidChange(follow));
}
