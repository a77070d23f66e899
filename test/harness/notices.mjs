// `npm run notices`: writes ThirdPartyNotices.txt, the licences of all that is shipped. `-- --check` says whether it is up to date.
// Which npm packages are in the bundles is esbuild's own account (metafile); their licences are read from node_modules.
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { main, root, run, say, SetupError } from './common.mjs';
import { ensureDependencies } from './setup.mjs';

const NOTICES = path.join(root, 'ThirdPartyNotices.txt');
const LICENCE_FILE = /^(licen[cs]e|copying|notice|notices|copyright(notice)?|third-?party-?notices)([-.].*)?$/i;
/** Loaded at run time from node_modules, so not in a bundle. */
const BESIDE_BUNDLES = ['onnxruntime-node', 'onnxruntime-common'];

const own = (...names) => path.join(root, 'licenses', ...names);
/** Packages whose npm package has no licence file: texts kept in licenses/, from their source repositories. */
const KEPT_TEXTS = {
  '@bufbuild/protobuf': () => [own('bufbuild-protobuf.txt')],
  '@microsoft/fast-element': () => [own('microsoft-fast.txt')],
  '@microsoft/fast-foundation': () => [own('microsoft-fast.txt')],
  '@microsoft/fast-web-utilities': () => [own('microsoft-fast.txt')],
  '@vscode/l10n': () => [own('vscode-l10n.txt')],
  // From the Python package of the same version; by version, as what is linked into the libraries changes.
  'onnxruntime-common': (version) => [own(`onnxruntime-${version}`, 'LICENSE')],
  'onnxruntime-node': (version) =>
    ['LICENSE', 'ThirdPartyNotices.txt'].map((name) => own(`onnxruntime-${version}`, name)),
};

/** What is shipped and is no npm package. */
const OTHERS = [
  {
    title: 'DirectX Shader Compiler: dxcompiler.dll, dxil.dll (Windows packages)',
    licence: 'NCSA, as published at https://github.com/microsoft/DirectXShaderCompiler',
    texts: [own('DirectXShaderCompiler.txt')],
  },
  {
    title: 'DirectML: DirectML.dll (Windows packages)',
    licence:
      'Microsoft software license terms of the package Microsoft.AI.DirectML, which say that it may be distributed with\n' +
      'applications: https://www.nuget.org/packages/Microsoft.AI.DirectML',
    texts: [],
  },
  {
    title: 'samples/stories260K: TinyStories Llama with 260 K parameters, from llama2.c',
    licence: 'MIT',
    texts: [own('llama2.c.txt')],
  },
  {
    title: 'samples/attn-only-0l, attn-only-1l, attn-only-2l, neox-6l, mlsae-neox-6l-x16-k16',
    licence:
      'Trained for this project, under its own licence (LICENSE). The training text is under MIT, Apache-2.0, BSD-3-Clause and\n' +
      'ISC licences or in the public domain: samples/CORPUS.md lists it.',
    texts: [],
  },
];

/** Folders in node_modules of the packages that the bundles are made of. */
function bundledFolders() {
  const scratch = mkdtempSync(path.join(tmpdir(), 'circuitscope-notices-'));
  try {
    const file = path.join(scratch, 'meta.json');
    if (!run(process.execPath, ['esbuild.mjs', '--production', `--metafile=${file}`]).ok)
      throw new SetupError('the build failed: mend what esbuild names above and run again.');
    return foldersOf(JSON.parse(readFileSync(file, 'utf8')));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function foldersOf(metafiles) {
  const outputs = metafiles.flatMap((metafile) => Object.values(metafile.outputs));
  const inputs = outputs.flatMap((output) => Object.entries(output.inputs));
  const folder = (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
  return new Set(inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (folder(file) ?? []) : [])));
}

/** Name, version, declared licence and licence files of an installed package. */
function describe(folder) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  const found = readdirSync(path.join(root, folder))
    .filter((file) => LICENCE_FILE.test(file))
    .sort()
    .map((file) => path.join(root, folder, file));
  const texts = found.length > 0 ? found : (KEPT_TEXTS[name]?.(version) ?? []);
  const missing = texts.find((file) => !existsSync(file));
  if (texts.length === 0 || missing)
    throw new SetupError(
      `${name} ${version} has no licence file: put its text into licenses/ and name it in KEPT_TEXTS of test/harness/notices.mjs.`,
    );
  return { title: `${name} ${version}`, licence: license ?? 'see below', texts };
}

const RULE = '#'.repeat(80);
const text = (file) =>
  readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
    .trimEnd();
const entry = ({ title, licence, texts }) => [[RULE, title, licence, RULE].join('\n'), ...texts.map(text)].join('\n\n');

/** The whole file, for what is installed and built now. */
export function notices() {
  const folders = [...bundledFolders(), ...BESIDE_BUNDLES.map((name) => `node_modules/${name}`)];
  // A version that is installed in two places is one entry.
  const packages = new Map(folders.map(describe).map((found) => [found.title, found]));
  const sorted = [...packages.values()].sort((a, b) => (a.title < b.title ? -1 : 1));
  const all = [...sorted, ...OTHERS];
  const head = [
    'Third-party notices of Circuitscope',
    'Made by `npm run notices`: do not edit. The package contains these works of others; their licences follow in this order.',
    all.map(({ title }) => `- ${title}`).join('\n'),
  ];
  return `${[...head, ...all.map(entry)].join('\n\n')}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  await main(() => {
    const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
    ensureDependencies();
    const wanted = notices();
    const present = existsSync(NOTICES) ? readFileSync(NOTICES, 'utf8') : '';
    if (values.check && present !== wanted)
      throw new SetupError('ThirdPartyNotices.txt is not that of what is shipped now: run `npm run notices`.');
    if (values.check || present === wanted) return;
    writeFileSync(`${NOTICES}.${process.pid}`, wanted);
    renameSync(`${NOTICES}.${process.pid}`, NOTICES);
    say(`ThirdPartyNotices.txt: ${wanted.match(/^- /gm).length} works`);
  });
