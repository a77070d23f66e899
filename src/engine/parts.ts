import { env } from 'onnxruntime-node';
import type { LogLine } from '../protocol/engine';
import { findCheckpoints, openCheckpoint } from './checkpoint/open';
import { writeSafetensors } from './checkpoint/safetensors';
import { defaultProviders } from './runtime/providers';
import { findSaes, openSae } from './mlsae/open';
import { createSaeRunner } from './mlsae/runner';
import { createRunner } from './runtime/runner';
import type { ServiceParts } from './service';

/** What the service stands on outside of tests. */
export const engineParts = (log: (line: LogLine) => void): ServiceParts => ({
  openCheckpoint,
  findCheckpoints,
  findSaes,
  openSae,
  createSaeRunner,
  createRunner,
  writeSafetensors,
  runtime: () => ({ onnxruntime: env.versions.node ?? env.versions.common, providers: defaultProviders() }),
  log,
});
