// `npm run package`: a .vsix for each platform, with that platform's ONNX Runtime inside and no other's.
// `-- --target linux-x64` (may be repeated) makes that one; `--out FOLDER`; `--list` prints what would go in, as JSON.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { main, root, say, SetupError } from './common.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';

/**
 * Files of onnxruntime-node by VS Code's name of the platform. By name, so that CUDA's libraries (which its install script
 * may have put beside them) and copies under a second name stay out.
 */
const NATIVES = {
  'linux-x64': ['onnxruntime_binding.node', 'libonnxruntime.so.1'],
  'linux-arm64': ['onnxruntime_binding.node', 'libonnxruntime.so.1'],
  'darwin-arm64': ['onnxruntime_binding.node', 'libonnxruntime.1.dylib'],
  'win32-x64': ['onnxruntime_binding.node', 'onnxruntime.dll', 'DirectML.dll', 'dxcompiler.dll', 'dxil.dll'],
  'win32-arm64': ['onnxruntime_binding.node', 'onnxruntime.dll', 'DirectML.dll', 'dxcompiler.dll', 'dxil.dll'],
};
/** What is published. */
export const PUBLISHED = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64'];

export const thisTarget = () => `${process.platform}-${process.arch}`;

/** .vscodeignore, and of node_modules only what is loaded at run time on that platform. */
function ignoreRules(target) {
  const folder = `node_modules/onnxruntime-node/bin/napi-v6/${target.replace('-', '/')}`;
  return [
    readFileSync(path.join(root, '.vscodeignore'), 'utf8'),
    'node_modules/**',
    '!node_modules/onnxruntime-node/package.json',
    '!node_modules/onnxruntime-node/dist/*.js',
    ...NATIVES[target].map((file) => `!${folder}/${file}`),
    '!node_modules/onnxruntime-common/package.json',
    '!node_modules/onnxruntime-common/dist/cjs/*.js',
    '!node_modules/onnxruntime-common/dist/cjs/package.json',
  ].join('\n');
}

/** Calls with the path of a platform's ignore file, which is gone afterwards. */
async function withIgnoreFile(target, call) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'circuitscope-vsce-'));
  try {
    const ignoreFile = path.join(scratch, 'ignore');
    writeFileSync(ignoreFile, ignoreRules(target));
    return await call(ignoreFile);
  } catch (error) {
    throw new SetupError(`vsce could not make the package for ${target}: ${error.message}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The build that is packed: minified, without source maps and without what an earlier build left. */
export function productionBuild() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  ensureBuild('--production');
}

async function packageFiles(target) {
  const { listFiles } = await import('@vscode/vsce');
  const files = await withIgnoreFile(target, (ignoreFile) => listFiles({ cwd: root, ignoreFile }));
  return files
    .map((file) => ({ path: file.replaceAll('\\', '/'), size: statSync(path.join(root, file)).size }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * What the packages would have, of the build that is there: by platform, paths in the extension and their bytes.
 * @param {string[]} targets
 * @returns {Promise<Record<string, { path: string, size: number }[]>>}
 */
export const packageLists = async (targets) =>
  Object.fromEntries(await Promise.all(targets.map(async (target) => [target, await packageFiles(target)])));

/**
 * Writes the package of a platform, of the build that is there, into a folder and returns its path.
 * @param {string} target
 * @param {string} folder
 */
export async function makePackage(target, folder = root) {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const vsix = path.join(folder, `${manifest.name}-${target}-${manifest.version}.vsix`);
  const draft = `${vsix}.${process.pid}`;
  const { createVSIX } = await import('@vscode/vsce');
  say(`packing for ${target}…`);
  try {
    await withIgnoreFile(target, (ignoreFile) =>
      createVSIX({
        cwd: root,
        target,
        ignoreFile,
        packagePath: draft,
        allowMissingRepository: true,
        // Without a repository the pictures of the README are those that travel in the package.
        rewriteRelativeLinks: manifest.repository !== undefined,
      }),
    );
    renameSync(draft, vsix);
  } finally {
    rmSync(draft, { force: true });
  }
  say(`${path.relative(process.cwd(), vsix)}: ${(statSync(vsix).size / 1e6).toFixed(1)} MB`);
  return vsix;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  await main(async () => {
    const { values } = parseArgs({
      options: {
        target: { type: 'string', multiple: true, default: PUBLISHED },
        out: { type: 'string', default: root },
        list: { type: 'boolean' },
      },
    });
    const unknown = values.target.find((target) => !(target in NATIVES));
    if (unknown !== undefined)
      throw new SetupError(
        `there is no ONNX Runtime for ${unknown}: --target is one of ${Object.keys(NATIVES).join(', ')}.`,
      );
    if (values.list) return console.log(JSON.stringify(await packageLists(values.target), null, 1));
    ensureDependencies();
    productionBuild();
    mkdirSync(values.out, { recursive: true });
    for (const target of values.target) await makePackage(target, values.out);
  });
