import assert from 'node:assert/strict';
import { engineEnvironment } from '../../src/host/engineEnvironment';

describe('the environment of the engine', () => {
  const tunables = (own: string | undefined, platform: NodeJS.Platform = 'linux'): string | undefined =>
    engineEnvironment({ PATH: '/bin', ...(own !== undefined && { GLIBC_TUNABLES: own }) }, platform)['GLIBC_TUNABLES'];

  it('asks glibc for large pages, beside what the person set', () => {
    assert.equal(tunables(undefined), 'glibc.malloc.hugetlb=1');
    assert.equal(tunables(''), 'glibc.malloc.hugetlb=1');
    assert.equal(tunables('glibc.malloc.arena_max=2'), 'glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1');
    assert.equal(engineEnvironment({ PATH: '/bin' }, 'linux')['PATH'], '/bin');
  });

  it('leaves what the person says of large pages, and other systems', () => {
    assert.equal(tunables('glibc.malloc.hugetlb=0'), 'glibc.malloc.hugetlb=0');
    assert.equal(tunables(undefined, 'darwin'), undefined);
    assert.deepEqual(engineEnvironment({ PATH: 'C:' }, 'win32'), { PATH: 'C:' });
  });
});
