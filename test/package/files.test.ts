import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import * as path from 'node:path';
import { packageLists } from './lists';

const ROOT = path.join(__dirname, '../..');
const RUNTIME = 'node_modules/onnxruntime-node/bin/napi-v6';
const DIRECTX = ['DirectML.dll', 'dxcompiler.dll', 'dxil.dll'];
/** Native files of each platform, in alphabetical order. */
const NATIVES: Record<string, string[]> = {
  'linux-x64': ['libonnxruntime.so.1', 'onnxruntime_binding.node'],
  'linux-arm64': ['libonnxruntime.so.1', 'onnxruntime_binding.node'],
  'darwin-arm64': ['libonnxruntime.1.dylib', 'onnxruntime_binding.node'],
  'win32-x64': [...DIRECTX, 'onnxruntime.dll', 'onnxruntime_binding.node'],
};
/** All that a package may have. */
const ALLOWED = [
  /^(package\.json|LICENSE|(README|CHANGELOG|SECURITY|SUPPORT)\.md|ThirdPartyNotices\.txt)$/,
  /^package\.nls(\.[\w-]+)?\.json$/,
  /^l10n\/bundle\.l10n\.[\w-]+\.json$/,
  /^docs\/concepts(\.[\w-]+)?\.md$/,
  /^docs\/api\.md$/,
  /^src\/protocol\/api\.ts$/,
  /^dist\/\w+\.js$/,
  /^dist\/webview\/\w+\.(js|css|ttf)$/,
  /^media\/([\w-]+\/)?[\w-]+\.(png|svg|md)$/,
  /^samples\/(CORPUS\.md|[\w-]+\/(README\.md|\w+\.json|model\.safetensors))$/,
  /^samples\/workspace\/((src|\.vscode)\/)?\w+\.(ts|md|txt|json)$/,
  /^node_modules\/onnxruntime-node\/(package\.json|dist\/\w+\.js)$/,
  /^node_modules\/onnxruntime-common\/(package\.json|dist\/cjs\/([\w-]+\.js|package\.json))$/,
];
/** Some of what it cannot do without. */
const NEEDED = [
  ...['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'ThirdPartyNotices.txt', 'media/icon.png'],
  // without a repository that is known, the package is where they are found
  ...['SECURITY.md', 'SUPPORT.md'],
  ...['extension', 'features', 'jsonrpc', 'engine', 'probe', 'cli', 'mcp', 'webview/attention'].map(
    (name) => `dist/${name}.js`,
  ),
  'dist/webview/codicon.ttf',
  'docs/api.md',
  'docs/concepts.md',
  'docs/concepts.zh-cn.md',
  'src/protocol/api.ts',
  'samples/attn-only-2l/model.safetensors',
  'node_modules/onnxruntime-node/dist/index.js',
  'node_modules/onnxruntime-common/dist/cjs/index.js',
];
const MB = 1e6;
/** Largest size of a file by its beginning, the first that fits; what is not named is small. */
const LARGEST: [prefix: string, bytes: number][] = [
  [RUNTIME, 50 * MB],
  ['samples/', 10 * MB],
  ['dist/webview/', 1 * MB],
  // read at activation: what is needed only later belongs into features.js
  ['dist/extension.js', 0.02 * MB],
  ['dist/', 4 * MB],
  ['ThirdPartyNotices.txt', 1 * MB],
  ['', 0.5 * MB],
];
const LARGEST_PACKAGE = 120 * MB;

/** The platform for which a file is machine code (ELF, PE or Mach-O with its machine field), or undefined. */
function platformOf(file: string): string | undefined {
  const head = Buffer.alloc(1024);
  const handle = openSync(path.join(ROOT, file), 'r');
  readSync(handle, head, 0, head.length, 0);
  closeSync(handle);
  if (head.readUInt32BE(0) === 0x7f454c46) return `linux-${{ 62: 'x64', 183: 'arm64' }[head.readUInt16LE(18)]}`;
  if (head.readUInt32LE(0) === 0xfeedfacf) return `darwin-${{ 0x100000c: 'arm64' }[head.readUInt32LE(4)]}`;
  if (head.readUInt32BE(0) === 0xcafebabe) return 'darwin-universal';
  if (head.readUInt32BE(0) === 0x0061736d) return 'WebAssembly';
  if (head.readUInt16BE(0) !== 0x4d5a) return undefined;
  return `win32-${{ 0x8664: 'x64', 0xaa64: 'arm64' }[head.readUInt16LE(head.readUInt32LE(60) + 4)]}`;
}

describe('what is packed', () => {
  const lists = packageLists();

  it('is listed for each platform that is published', () => {
    assert.deepEqual(Object.keys(lists).sort(), Object.keys(NATIVES).sort());
  });

  for (const [target, natives] of Object.entries(NATIVES))
    describe(`for ${target}`, () => {
      const files = lists[target] ?? [];
      const names = files.map((file) => file.path);
      const folder = `${RUNTIME}/${target.replace('-', '/')}`;
      const isNative = (name: string): boolean => name.startsWith(`${RUNTIME}/`);

      it('has the native files of the platform and no others', () => {
        assert.deepEqual(
          names.filter(isNative).sort(),
          natives.map((name) => `${folder}/${name}`),
        );
      });

      it('has no other machine code, and none for another machine', () => {
        for (const name of names) assert.equal(platformOf(name), isNative(name) ? target : undefined, name);
      });

      it('has every ONNX Runtime library by which the binding asks for it', () => {
        const binding = readFileSync(path.join(ROOT, folder, 'onnxruntime_binding.node'), 'latin1');
        const asked = new Set(binding.match(/\b(lib)?onnxruntime(\.\d+)*\.(so(\.\d+)*|dylib|dll)/gi));
        assert.ok(asked.size > 0);
        for (const name of asked) assert.ok(natives.includes(name), name);
      });

      it('has what runs and nothing of what it is made from', () => {
        const unexpected = names.filter((name) => !isNative(name) && !ALLOWED.some((allowed) => allowed.test(name)));
        assert.deepEqual(unexpected, []);
        assert.deepEqual(
          NEEDED.filter((name) => !names.includes(name)),
          [],
        );
      });

      it('is not larger than it has to be', () => {
        for (const { path: name, size } of files) {
          const [, most = 0] = LARGEST.find(([prefix]) => name.startsWith(prefix)) ?? [];
          assert.ok(size <= most, `${name}: ${size} bytes, at most ${most}`);
        }
        const total = files.reduce((sum, { size }) => sum + size, 0);
        assert.ok(total <= LARGEST_PACKAGE, `${total} bytes`);
      });
    });
});
