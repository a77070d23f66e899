import type { Command } from 'commander';
import { headName } from '../../protocol/checkpoint';
import type { HeadCircuit, TokenCircuit, TokenRef } from '../../protocol/circuits/headCircuit';
import { InputError } from '../checkpoint/errors';
import { headCircuit } from '../circuits/headCircuit';
import { TokenTable } from '../circuits/tokenTable';
import type { CheckpointOptions } from './open';
import { checkpointCommand, headList, noSteps, wholeNumber, withModel } from './open';
import { note, printJson, table, visible } from './print';

interface CircuitOptions extends CheckpointOptions {
  head?: string;
  top?: string;
  token?: string[];
  foldNorm?: boolean;
}

/** `circuitscope circuit`: a head's full QK and OV circuits. */
export const circuitCommand = (root: Command): void => {
  const description = 'read a head’s full QK and OV circuits: largest entries, eigenvalues, skip-trigrams';
  checkpointCommand(root, 'circuit', description, '{head, qk, ov, skipTrigrams, tokens, …}')
    .option('--head <head>', 'the head: L1H4')
    .option('--top <K>', 'entries of each table (default: 20)')
    .option('--token <text...>', 'also the rows and columns of these tokens: a text that is one token, or #id')
    .option('--no-fold-norm', 'leave the norms’ gains out of the weights')
    .action(run);
};

async function run(path: string, options: CircuitOptions): Promise<void> {
  const { head, token = [], foldNorm } = options;
  if (head === undefined) throw new InputError('--head is missing: give one such as L1H4');
  const top = wholeNumber('--top', options.top);
  await withModel(path, options, async (model) => {
    const heads = headList('--head', head, model);
    if (heads.length !== 1) throw new InputError('--head: give one head');
    const table = new TokenTable(model.checkpoint);
    const tokens = token.map((text) => table.find(text).id);
    const result = await headCircuit(model, { head: heads[0]!, top, tokens, foldNorm }, noSteps);
    result.notices.forEach(note);
    if (options.json) printJson({ ...result, tokens: result.tokens.map(withArrays) });
    else process.stdout.write(asText(result));
  });
}

/** The values of each line as an array of numbers. */
function withArrays(circuit: TokenCircuit): object {
  const lines = (['sources', 'destinations', 'outputs', 'outputSources'] as const).map((name) => {
    return [name, { ...circuit[name], values: Array.from(circuit[name].values) }] as const;
  });
  return { ...circuit, ...Object.fromEntries(lines) };
}

const show = ({ text }: TokenRef): string => visible(text);
const number = (value: number): string => value.toFixed(3);

function asText({ head, qk, ov, skipTrigrams, tokens }: HeadCircuit): string {
  const qkRows = (rows: HeadCircuit['qk']['largest']): string[][] =>
    rows.map(({ destination, source, value }) => [show(destination), show(source), number(value)]);
  const ovRows = (rows: HeadCircuit['ov']['largest']): string[][] =>
    rows.map(({ source, output, value }) => [show(source), show(output), number(value)]);
  const skipRows = (rows: HeadCircuit['skipTrigrams']): string[][] =>
    rows.map((row) => [
      `${show(row.source)} … ${show(row.destination)} → ${show(row.output)}`,
      ...[row.qk, row.ov, row.strength].map(number),
    ]);
  const skipHead = ['source … destination → output', 'QK', 'OV', 'strength'];
  const sections: [title: string, head: string[], rows: string[][]][] = [
    ['QK circuit, largest', ['destination', 'source', 'value'], qkRows(qk.largest)],
    ['QK circuit, smallest', ['destination', 'source', 'value'], qkRows(qk.smallest)],
    ['OV circuit, largest', ['source', 'output', 'value'], ovRows(ov.largest)],
    ['OV circuit, smallest', ['source', 'output', 'value'], ovRows(ov.smallest)],
    ['skip-trigrams', skipHead, skipRows(skipTrigrams)],
    ...tokens.flatMap(({ token, ...lines }): typeof sections => [
      ...(['sources', 'destinations', 'outputs', 'outputSources'] as const).map((name): (typeof sections)[number] => [
        `${show(token)}: ${lineTitles[name]}`,
        ['token', 'value'],
        lines[name].largest.map((entry) => [show(entry.token), number(entry.value)]),
      ]),
      [`${show(token)}: skip-trigrams`, skipHead, skipRows(lines.skipTrigrams)],
    ]),
  ];
  const texts = sections.map(([title, columns, rows]) => {
    const right = columns.map((_, i) => i).filter((i) => !/^(token|source|destination|output)/.test(columns[i]!));
    return `${title}\n${table([columns, ...rows], right)}`;
  });
  const shares = `QK matching ${number(qk.matching)}, OV copying ${number(ov.copying)}`;
  return `${headName(head)}: ${shares}\n\n${texts.join('\n\n')}\n`;
}

const lineTitles = {
  sources: 'attends most to',
  destinations: 'is attended most by',
  outputs: 'raises most',
  outputSources: 'is raised most by',
};
