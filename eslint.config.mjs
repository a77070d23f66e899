import tseslint from 'typescript-eslint';

/** The walls of the house: who may import whom (DESIGN.md, "The house"). */
const wall = (files, forbidden, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ group: forbidden, message }] }] },
});

export default tseslint.config(
  { ignores: ['dist', 'out', 'node_modules', 'samples', 'src/engine/graph/onnx_pb.ts', '**/*.mjs'] },
  ...tseslint.configs.strict,
  {
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  wall(['src/protocol/**'], ['*/engine/*', '*/host/*', '*/webview/*', 'vscode'], 'protocol imports nothing of ours'),
  wall(['src/engine/**'], ['*/host/*', '*/webview/*', 'vscode'], 'the engine knows neither VS Code nor the views'),
  wall(
    ['src/host/**'],
    ['*/engine/*/*', '../engine/*', '*/webview/*'],
    'the host reaches the engine through protocol only',
  ),
  wall(
    ['webview/**'],
    ['*/src/engine/*', '*/src/host/*', '*/engine/*', '*/host/*', 'vscode'],
    'webviews import protocol only',
  ),
);
