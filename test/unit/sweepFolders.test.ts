import assert from 'node:assert/strict';
import { join } from 'node:path';
import { freshFolder, isComplete } from '../../src/host/sweepFolders';
import { tempFolder, writeFile } from './support/files';

describe('folders of sweeps', () => {
  it('are complete when their record says it', async () => {
    const folder = tempFolder();
    assert.equal(await isComplete(folder), false);
    for (const complete of [false, true]) {
      writeFile(join(folder, 'sweep.json'), JSON.stringify({ complete }));
      assert.equal(await isComplete(folder), complete);
    }
  });

  it('are numbered from 2, and never one that is there', async () => {
    const sae = join(tempFolder(), 'layer-7');
    writeFile(join(sae, 'sweep.json'), '{}');
    assert.equal(await freshFolder(sae), `${sae}-2`);
    writeFile(join(`${sae}-2`, 'sweep.json'), '{}');
    assert.equal(await freshFolder(sae), `${sae}-3`);
    assert.equal(await freshFolder(`${sae}-2`), `${sae}-3`);
  });
});
