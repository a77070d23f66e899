import tseslint from 'typescript-eslint';

/** A wall of the house (DESIGN.md, "The house"): files that may not import what matches the pattern. */
const wall = (files, regex, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex, message }] }] },
});
/** Relative imports that lead into one of the folders. */
const into = (...folders) => `^(\\.\\./)+(src/)?(${folders.join('|')})/`;

export default tseslint.config(
  { ignores: ['dist', 'out', 'node_modules', 'samples', 'src/engine/graph/onnx_pb.ts', '**/*.{mjs,cjs}'] },
  ...tseslint.configs.strict,
  {
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  wall(['src/protocol/**'], `${into('engine', 'host', 'webview')}|^vscode$|^node:`, 'protocol imports nothing of ours'),
  wall(['src/protocol/*/**'], '^(\\.\\./){2,}|^vscode$|^node:', 'protocol imports nothing of ours'),
  wall(['src/engine/**'], `${into('host', 'webview')}|^vscode$`, 'the engine knows neither VS Code nor the views'),
  wall(['src/host/**'], into('engine', 'webview'), 'the host reaches the engine through protocol only'),
  wall(['webview/**'], '^(\\.\\./)+src/(?!protocol/)|^vscode$|^node:', 'webviews import protocol only'),
);
