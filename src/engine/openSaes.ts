/** The open autoencoders, by id. */
import * as l10n from '@vscode/l10n';
import type { OpenSaeParams, SaeInfo } from '../protocol/latents';
import type { Checkpoint } from './checkpoint/checkpoint';
import { oneLine } from './checkpoint/errors';
import type { OpenModel } from './circuitHandlers';
import { GoneError } from './errors';
import type { OpenSaeOptions } from './mlsae/open';
import type { Sae } from './mlsae/sae';
import type { OpenSae, SaeRunner } from './mlsae/types';
import type { Steps } from './runtime/types';

/** What it stands on; tests put fakes here. */
export interface SaeParts {
  openSae(path: string, checkpoint: Checkpoint, options: OpenSaeOptions): Promise<Sae>;
  createSaeRunner(sae: Sae, provider: string): SaeRunner;
}

export class OpenSaes {
  private readonly saes = new Map<string, OpenSae & { checkpointId: string }>();

  constructor(
    private readonly parts: SaeParts,
    private readonly newId: () => string,
  ) {}

  /** @param model of the checkpoint that `params` names, on whose provider the autoencoder runs */
  async open(model: OpenModel, params: OpenSaeParams, steps: Steps): Promise<SaeInfo> {
    const { checkpointId, path, tunedLens, layer } = params;
    await steps.step(l10n.t('Reading the autoencoder'));
    const sae = await this.parts.openSae(path, model.checkpoint, {
      ...(tunedLens !== undefined && { tunedLens }),
      ...(layer !== undefined && { layer }),
    });
    // cancelled: nobody will ever learn the id
    await steps.step(l10n.t('Read {0}', sae.name), 1);
    const saeRunner = this.parts.createSaeRunner(sae, model.runner.provider);
    const id = this.newId();
    this.saes.set(id, { sae, saeRunner, model, checkpointId });
    return { id, checkpointId, ...describeSae(sae) };
  }

  /** Opened last last. */
  all(): SaeInfo[] {
    return [...this.saes].map(([id, { sae, checkpointId }]) => ({ id, checkpointId, ...describeSae(sae) }));
  }

  /** @throws GoneError */
  get(id: string): OpenSae {
    const open = this.saes.get(id);
    if (!open) throw new GoneError(l10n.t('This autoencoder is no longer open: open it again.'));
    return open;
  }

  /** Forgets it; the caller disposes what is returned when nothing runs. */
  delete(id: string): SaeRunner[] {
    const open = this.saes.get(id);
    this.saes.delete(id);
    return open ? [open.saeRunner] : [];
  }

  /** As `delete`, all of a checkpoint. */
  deleteOf(checkpointId: string): SaeRunner[] {
    const ids = [...this.saes].filter(([, open]) => open.checkpointId === checkpointId).map(([id]) => id);
    return ids.flatMap((id) => this.delete(id));
  }
}

function describeSae(sae: Sae): Omit<SaeInfo, 'id' | 'checkpointId'> {
  const { path, name, label, format, activate, nInputs, nLatents, layers, standardize, bytes, notices } = sae;
  return {
    path,
    name,
    label,
    format,
    activation: activate.kind,
    nInputs,
    nLatents,
    ...(activate.kind === 'topk' && { k: activate.k }),
    layers: [...layers],
    standardize,
    tunedLens: sae.tunedLens !== undefined,
    bytes,
    notices: notices.map(oneLine),
  };
}
