/** What lies beside a `.onnx` file: tokenizer and config. optimum and transformers.js keep both above `onnx/model.onnx`. */
import { access } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { PromptTokenizer } from '../checkpoint/checkpoint';
import { Config } from '../checkpoint/config';
import { loadTokenizer } from '../checkpoint/tokenizer';
import { checkpointName } from '../checkpoint/weightFiles';

/** @throws InputError when a config.json beside the file is not JSON */
export async function besideOnnx(
  file: string,
): Promise<{ config?: Config; tokenizer?: PromptTokenizer; notice?: string }> {
  const own = dirname(file);
  const folders = [own, dirname(own)];
  const withConfig = await firstWith(folders, 'config.json');
  const withTokenizer = await firstWith(folders, 'tokenizer.json');
  const config =
    withConfig === undefined ? undefined : await modelConfig(join(withConfig, 'config.json'), withConfig === own);
  return { ...(config && { config }), ...(await loadTokenizer(withTokenizer ?? own)) };
}

async function firstWith(folders: string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const there = await access(join(folder, name)).then(
      () => true,
      () => false,
    );
    if (there) return folder;
  }
  return undefined;
}

/** A config.json of the folder above may be of something else. */
async function modelConfig(file: string, own: boolean): Promise<Config | undefined> {
  const config = await Config.read(file).catch((error: unknown) => {
    if (own) throw error;
    return undefined;
  });
  return config?.has('model_type') ? config : undefined;
}

/** Files that are called after what they hold, not after the model. */
const GENERIC = /^(decoder_)?(with_past_)?(model|decoder)([_-].*)?$/i;

/** The file's name; where that says nothing the folder's. */
export function modelName(file: string): string {
  const stem = basename(file).replace(/\.onnx$/i, '');
  if (!GENERIC.test(stem)) return stem;
  const folder = dirname(file);
  return checkpointName(basename(folder).toLowerCase() === 'onnx' ? dirname(folder) : folder);
}
