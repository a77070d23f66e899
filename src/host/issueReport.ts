/** What maintainers ask for when something is wrong, as a document that the person reads, completes and sends. Nothing is sent from here. */
import { cpus, release, totalmem } from 'node:os';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { SaeInfo } from '../protocol/latents';
import { providers, type Checkpoints } from './checkpoints';
import type { EngineService } from './engineService';
import type { Latents } from './latents';

export interface IssueReportParts {
  extensionUri: vscode.Uri;
  engine: EngineService;
  checkpoints: Checkpoints;
  latents: Latents;
}

/** Opens the report as a new document. */
export async function writeIssueReport(parts: IssueReportParts): Promise<void> {
  const content = issueReport(await facts(parts));
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'markdown', content }));
}

/** Questions in the person's language, facts in the maintainers'. */
const issueReport = (lines: readonly string[]): string =>
  [
    `> ${vscode.l10n.t('Circuitscope has sent this nowhere. Answer the questions, read the facts and take out what is not for others; then post it in the Q & A tab of Circuitscope’s page in the Marketplace, or wherever you have its source code from.')}`,
    `**${vscode.l10n.t('What did you do?')}**`,
    `**${vscode.l10n.t('What did you expect?')}**`,
    `**${vscode.l10n.t('What came instead?')}**`,
    `> ${vscode.l10n.t('“Circuitscope: Show Log” often says why. It names your files and folders: paste the lines that matter.')}`,
    `**${vscode.l10n.t('Facts')}**`,
    ['```text', ...lines, '```', ''].join('\n'),
  ].join('\n\n');

async function facts({ extensionUri, engine, checkpoints, latents }: IssueReportParts): Promise<string[]> {
  const extension = vscode.extensions.all.find((each) => each.extensionUri.toString() === extensionUri.toString());
  const { appName, language, remoteName } = vscode.env;
  const where = remoteName === undefined ? '' : `, extension host on ${remoteName}`;
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const chosen = providers();
  return [
    `circuitscope: ${String((extension?.packageJSON as { version?: unknown } | undefined)?.version)}`,
    `editor: ${appName} ${vscode.version}, ${language}${where}`,
    `system: ${process.platform} ${process.arch}, ${release()}, ${cpus().length} cores, ${gigabytes} GB`,
    `onnxruntime: ${await runtime(engine)}`,
    ...(chosen.length > 0 ? [`circuitscope.executionProviders: ${chosen.join(', ')}`] : []),
    ...checkpoints.all.flatMap(ofCheckpoint),
    ...latents.all.flatMap(ofSae),
  ];
}

const runtime = (engine: EngineService): Promise<string> =>
  engine.request('version', null).then(
    ({ onnxruntime, providers: known }) => `${onnxruntime} with ${known.join(', ')}`,
    // a sentence of ours, or of the system
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

/** Neither names nor paths: shapes tell more. */
const ofCheckpoint = (c: CheckpointInfo): string[] => [
  `checkpoint: ${c.architecture}, ${c.nLayers} layers, ${c.nHeads} heads (${c.nKeyValueHeads} of keys), d_model ${c.dModel}, d_head ${c.dHead}, d_mlp ${c.dMlp}, n_ctx ${c.nCtx}, d_vocab ${c.dVocab}, ${c.dtypes.join('/')}, ${c.hasTokenizer ? 'with' : 'no'} tokenizer`,
  `  runs on ${c.provider}`,
  ...[...c.providerNotes, ...c.notices].map((line) => `  ${line}`),
];

const ofSae = ({ format, nLatents, layers, k }: SaeInfo): string[] => [
  `autoencoder: ${format}, ${nLatents} latents, ${k === undefined ? '' : `k ${k}, `}layers ${layers.join(' ')}`,
];
