// Types, lint and format: each tool is one test.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { main, root } from '../common.mjs';

const tool = (...names) => path.join(root, 'node_modules', ...names);
const CHECKS = {
  'types of src and test': [tool('typescript', 'bin', 'tsc'), '-p', '.'],
  'types of webview': [tool('typescript', 'bin', 'tsc'), '-p', 'webview'],
  lint: [tool('eslint', 'bin', 'eslint.js'), '.'],
  format: [tool('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.'],
};

function check([name, args]) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  return new Promise((resolve) =>
    child.on('close', (code) => {
      console.log(`  ${code === 0 ? '✔' : '✖'} ${name}`);
      if (code !== 0) console.log(output);
      resolve(code === 0 ? undefined : name);
    }),
  );
}

await main(async () => {
  const failures = (await Promise.all(Object.entries(CHECKS).map(check))).filter(Boolean);
  const failed = failures.length;
  const passed = Object.keys(CHECKS).length - failed;
  const file = process.env.CIRCUITSCOPE_RESULT;
  if (file) writeFileSync(file, JSON.stringify({ finished: true, passed, failed, skipped: 0, failures }));
  if (failed > 0) process.exitCode = 1;
});
