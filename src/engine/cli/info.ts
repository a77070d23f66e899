import { openCheckpoint } from '../checkpoint/open';
import { checkpointHooks, describeCheckpoint } from '../describe';
import { defaultProviders } from '../runtime/providers';
import { note, printJson, size } from './print';

/** `circuitscope info`: what the checkpoint's files say; no weight is loaded. */
export async function info(path: string, { json }: { json?: boolean }): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  const facts = {
    ...describeCheckpoint(checkpoint),
    providers: defaultProviders(),
    hooks: checkpointHooks(checkpoint),
  };
  if (json) return printJson(facts);
  facts.notices.forEach(note);
  const rows: [string, string][] = [
    ['architecture', facts.architecture],
    ['layers', `${facts.nLayers}, ${facts.nHeads} heads each (${facts.nKeyValueHeads} key/value heads)`],
    ['width', `d_model ${facts.dModel}, d_head ${facts.dHead}, d_mlp ${facts.dMlp}`],
    ['context', `${facts.nCtx} tokens`],
    ['vocabulary', `${facts.dVocab} tokens${facts.hasTokenizer ? '' : ' (no tokenizer: give token ids)'}`],
    [
      'weights',
      `${facts.nParams.toLocaleString('en-US')} parameters, ${size(facts.bytes)}, ${facts.dtypes.join(', ')}`,
    ],
    ['providers', `${facts.providers.join(', ')} (tried in this order)`],
    ['hooks', [...new Set(facts.hooks.map((hook) => hook.replace(/^blocks\.\d+/, 'blocks.*')))].join('\n')],
  ];
  const indent = ' '.repeat(14);
  const lines = rows.map(([key, value]) => `${key.padEnd(12)}  ${value.replaceAll('\n', `\n${indent}`)}`);
  process.stdout.write(`${[facts.name, ...lines].join('\n')}\n`);
}
