import type { Command } from 'commander';
import { lens } from '../circuits/lens';
import type { CheckpointOptions, PromptOptions } from './open';
import { checkpointCommand, noSteps, promptInput, wholeNumber, withModel, withPrompt } from './open';
import { note, printJson, table, visible } from './print';

type LensOptions = CheckpointOptions & PromptOptions & { top?: string };

/** `circuitscope lens`: what every layer would predict. */
export const lensCommand = (root: Command): void => {
  const description = 'logit lens: the most probable next token by layer and position';
  const json = '{tokens, stages, answers, layers: [{hook, positions: [{top, answerP, …}]}]}';
  withPrompt(checkpointCommand(root, 'lens', description, json))
    .option('--top <K>', 'tokens for each layer and position in the JSON (default: 5)')
    .action(runLens);
};

async function runLens(path: string, options: LensOptions): Promise<void> {
  const input = await promptInput(options);
  const topK = wholeNumber('--top', options.top) ?? 5;
  await withModel(path, options, async (model) => {
    const result = await lens(model, { ...input, topK }, noSteps);
    const { tokens, stages, k, topIds, topP, answers, notices, texts } = result;
    const n = tokens.length;
    const textOf = (id: number): string => texts[id] ?? `#${id}`;
    notices.forEach(note);
    if (options.json) {
      const position = (at: number): object => ({
        top: Array.from({ length: k }, (_, rank) => {
          const id = topIds[at * k + rank]!;
          return { id, text: textOf(id), p: topP[at * k + rank] };
        }),
        answerP: result.answerP[at],
        answerRank: result.answerRank[at],
        nextP: result.nextRank[at] === -1 ? null : result.nextP[at],
        nextRank: result.nextRank[at] === -1 ? null : result.nextRank[at],
      });
      const layers = stages.map((stage, s) => ({
        ...stage,
        positions: Array.from({ length: n }, (_, pos) => position(s * n + pos)),
      }));
      return printJson({ tokens, answers, layers, notices });
    }
    const cell = (s: number, pos: number): string => {
      const at = (s * n + pos) * k;
      return `${visible(textOf(topIds[at]!))} ${topP[at]!.toFixed(2)}`;
    };
    const rows = tokens.map(({ text }, pos) => [`${pos}`, visible(text), ...stages.map((_, s) => cell(s, pos))]);
    process.stdout.write(`${table([['pos', 'token', ...stages.map(({ label }) => label)], ...rows], [0])}\n`);
  });
}
