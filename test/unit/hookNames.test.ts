import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { expandHooks } from '../../src/engine/graph/hooks';
import { SAMPLES } from './support/files';

describe('a glob that matches no hook', () => {
  for (const [name, examples] of [
    ['attn-only-0l', 'hook_embed, hook_pos_embed or logits'],
    ['attn-only-1l', 'hook_embed, hook_pos_embed, blocks.0.hook_resid_pre or logits'],
  ] as const) {
    it(`${name}: is named, with examples that differ`, async () => {
      const { description } = await openCheckpoint(join(SAMPLES, name));
      assert.throws(() => expandHooks(description, ['nose']), {
        message: `No hook of this model matches “nose”; expected a TransformerLens name such as ${examples}.`,
      });
    });
  }
});
