/** Requests of coding agents: tools that give small JSON results. The engine has their table (`engine/tools/table.ts`). */
import type { CheckpointInfo } from './checkpoint';

export interface ToolCall {
  /** As in the table: `attention`. */
  name: string;
  /** What the agent sent; it is checked against the tool's schema. */
  input: unknown;
  /** Folders in which a relative path is looked for, in this order. */
  roots: string[];
  /** Execution providers that a checkpoint is opened on; empty: the default order. */
  providers: string[];
  /** Absolute paths that are taken where the input names none; without them what was opened last. */
  defaults?: { checkpoint?: string; mlsae?: string };
}

export interface ToolAnswer {
  /** Plain JSON: numbers are rounded to 4 digits, `units` says what they are in, `more` how to get what was left out. */
  output: object;
  /** A checkpoint that was not open before. */
  opened?: CheckpointInfo;
  /** `path` of a checkpoint that was closed. */
  closed?: string;
}

export interface ToolPreparation {
  /** Sentences that the person should agree to: which files, of what size, are read that are not open yet; what is closed. */
  asks: string[];
  /** What the call does, for the person who waits: `Attention of a Head, L1H4`. */
  title: string;
}

export interface ToolRequests {
  callTool: [ToolCall, ToolAnswer];
  /** Reads nothing but the names and sizes of files. */
  prepareTool: [ToolCall, ToolPreparation];
}
