/** The requests of saved results over the other requests of the engine. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Measured, ResultRequests } from '../../protocol/results';
import type { FileIdentity } from '../../protocol/resultFile';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { checkIds, tokenTextOf, readPrompt } from '../prompt';
import type { OpenModel } from '../circuitHandlers';
import { tensorsHash } from '../mlsae/corpus/identity';
import type { Sae } from '../mlsae/sae';
import type { EngineHandlers, RequestContext, ServiceParts } from '../service';
import { type Ask, LISTED, type MeasureMethod, measureView } from './measure';

export interface ResultEngine {
  handlers: Pick<EngineHandlers, MeasureMethod>;
  parts: Pick<ServiceParts, 'openCheckpoint' | 'openSae'>;
  /** @throws GoneError */
  model(checkpointId: string): OpenModel;
  /** @throws GoneError */
  sae(saeId: string): Sae;
}

/** Larger is no config. */
const MOST_CONFIG_BYTES = 16 << 20;

export function resultHandlers(engine: ResultEngine): Pick<EngineHandlers, keyof ResultRequests> {
  return {
    identify: async ({ path, sae }) => {
      const checkpoint = await engine.parts.openCheckpoint(path);
      return identities(checkpoint, sae && (await engine.parts.openSae(sae.path, checkpoint, sae)));
    },
    measureResult: async (params, context) => {
      const { checkpoint } = engine.model(params.checkpointId);
      const { ids, text, saeId, otherId, otherSaeId, wide } = params;
      const notices: string[] = [];
      if (ids.length > 0) checkIds(checkpoint, ids);
      const { nLayers } = checkpoint.description;
      const top = wide ? LISTED.wide : LISTED.saved;
      const numbers = await measureView({ ask: askOf(engine, context), params, nLayers, top, notices });
      const textOf = tokenTextOf(checkpoint);
      const other = otherId === undefined ? undefined : engine.model(otherId).checkpoint;
      const second = other && (await identities(other, otherSaeId === undefined ? undefined : engine.sae(otherSaeId)));
      return {
        tokens: ids.map((id) => ({ id, text: textOf(id), start: 0, end: 0 })),
        otherTokens: text !== undefined && !givesTokens(checkpoint, text, ids),
        ...(await identities(checkpoint, saeId === undefined ? undefined : engine.sae(saeId))),
        ...(second && { other: second.checkpoint, ...(second.sae && { otherSae: second.sae }) }),
        numbers,
        notices,
      };
    },
  };
}

async function identities(checkpoint: Checkpoint, sae?: Sae): Promise<Pick<Measured, 'checkpoint' | 'sae'>> {
  return {
    checkpoint: await identityOf(checkpoint, 'config.json'),
    ...(sae && { sae: await identityOf(sae, 'config.json', 'cfg.json') }),
  };
}

const askOf =
  ({ handlers }: ResultEngine, context: RequestContext): Ask =>
  async (method, params) => {
    // the table's type ties a method to its params; over all methods at once TypeScript cannot see it
    const handler = handlers[method] as (params: unknown, context: RequestContext) => unknown;
    return (await handler(params, context)) as never;
  };

/** What was cut stays cut. */
function givesTokens(checkpoint: Checkpoint, text: string, ids: number[]): boolean {
  if (!checkpoint.tokenizer) return false;
  const { tokens } = readPrompt(checkpoint, { text, maxTokens: ids.length });
  return tokens.length === ids.length && tokens.every(({ id }, i) => id === ids[i]);
}

async function identityOf(
  { name, path, tensors }: Pick<Checkpoint, 'name' | 'path' | 'tensors'>,
  ...configs: string[]
): Promise<Omit<FileIdentity, 'path'>> {
  const config = await configHash(path, configs);
  return { name, ...(config !== undefined && { config }), weights: await tensorsHash(tensors) };
}

async function configHash(path: string, names: string[]): Promise<string | undefined> {
  const folder = (await stat(path).catch(() => undefined))?.isDirectory() ? path : dirname(path);
  for (const name of names) {
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile() || found.size > MOST_CONFIG_BYTES) continue;
    return createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
      .slice(0, 16);
  }
  return undefined;
}
