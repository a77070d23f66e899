// `npm run pictures`: goes through the walkthrough in a real VS Code and keeps what is seen as media/walkthrough/*.png.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './common.mjs';

const { status } = spawnSync(process.execPath, ['test/harness/test.mjs', 'e2e', '--grep', 'the walkthrough'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, CIRCUITSCOPE_PICTURES: path.join(root, 'media', 'walkthrough') },
});
process.exit(status ?? 1);
