/**
 * The tools for coding agents, one line each: what `circuitscope mcp` serves and what package.json contributes to VS Code as
 * `circuitscope_NAME` (a test compares).
 */
import { closeCheckpoint, listCheckpoints, openCheckpoint } from './checkpoints';
import { attention, composition, headScores, logitAttribution } from './circuits';
import { latents } from './latents';
import type { Tool } from './tool';

export const tools: readonly Tool[] = [
  openCheckpoint,
  listCheckpoints,
  attention,
  headScores,
  composition,
  logitAttribution,
  latents,
  closeCheckpoint,
];
