/** Tools that open, list and close. */
import * as l10n from '@vscode/l10n';
import { InputError } from '../checkpoint/errors';
import { checkpointField, moreOf, saeField } from './common';
import { count, line } from './schema';
import { defineTool, type OpenCheckpoint } from './tool';
import type { SaeInfo } from '../../protocol/latents';

const sizes = { bytes: 'bytes of weights on disk', nCtx: 'tokens', nParams: 'parameters' };

/** Of what is open, all but the ids, which nobody outside of the engine knows. */
const facts = (open: OpenCheckpoint | SaeInfo): object =>
  Object.fromEntries(Object.entries(open).filter(([key]) => !['id', 'checkpointId', 'providerNotes'].includes(key)));

export const openCheckpoint = defineTool({
  name: 'open_checkpoint',
  title: l10n.t('Open Checkpoint'),
  description:
    'Opens a transformer checkpoint from disk (safetensors in Hugging Face layout, or .onnx), optionally with a sparse autoencoder ' +
    'trained on it, and describes it: architecture, layers, heads, widths, context, tokenizer. The other tools use it from then on. ' +
    'One that is open already is not read again: close it first if its files have changed.',
  fields: {
    checkpoint: { ...checkpointField, description: checkpointField.description.replace(/ Default.*/, '') },
    mlsae: saeField,
  },
  required: ['checkpoint'],
  units: sizes,
  async run(context, { mlsae }) {
    const checkpoint = await context.checkpoint();
    const sae = mlsae === undefined ? undefined : await context.sae();
    return { ...facts(checkpoint), ...(sae && { mlsae: facts(sae) }) };
  },
});

export const listCheckpoints = defineTool({
  name: 'list_checkpoints',
  title: l10n.t('List Checkpoints'),
  description:
    'Lists the checkpoints and sparse autoencoders that are open and, with folder, those that lie in it and in the folders below.',
  fields: {
    folder: line('Folder to look in, six levels deep.'),
    top: count('How many of each are listed.', 30, 200),
  },
  units: { bytes: sizes.bytes },
  async run(context, { folder, top }) {
    const open = context.openCheckpoints().map(({ name, path, architecture }) => ({ name, path, architecture }));
    const openSaes = context.openSaes().map(({ name, path, format }) => ({ name, path, format }));
    if (folder === undefined) return { open, openAutoencoders: openSaes };
    const roots = [await context.path(folder)];
    const found = await context.request('findCheckpoints', { roots });
    const autoencoders = await context.request('findSaes', { roots });
    return {
      open,
      openAutoencoders: openSaes,
      found: found.slice(0, top),
      foundAutoencoders: autoencoders.slice(0, top),
      ...moreOf('entries', top, Math.max(found.length, autoencoders.length), 'top'),
    };
  },
});

export const closeCheckpoint = defineTool({
  name: 'close_checkpoint',
  title: l10n.t('Close Checkpoint'),
  description:
    'Closes an open checkpoint and the autoencoders beside it, and frees their memory. Files stay as they are.',
  fields: { checkpoint: { ...checkpointField, description: 'Path of the open checkpoint. Default: the one in use.' } },
  units: {},
  async run(context, { checkpoint: given }) {
    const checkpoint = context.foundCheckpoint();
    if (!checkpoint)
      throw new InputError(given === undefined ? l10n.t('No checkpoint is open.') : l10n.t('{0} is not open.', given));
    await context.closeCheckpoint(checkpoint);
    return { closed: checkpoint.path };
  },
});
