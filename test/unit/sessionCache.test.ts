/** When weights are packed: not for the first run, but for the second, or as soon as nothing runs. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionCache } from '../../src/engine/runtime/sessionCache';
import type { SessionRequest } from '../../src/engine/runtime/sessionCache';
import type { Session } from '../../src/engine/runtime/session';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import type { Graph } from '../../src/engine/graph/transformer';

const steps = { step: async (): Promise<void> => undefined };

/** y = x + x; counts how often it is emitted, which is once a session. */
function request(name: string, bytes = 1): SessionRequest & { made: number } {
  const each: SessionRequest & { made: number } = {
    name,
    exposes: ['y'],
    bytes,
    packed: 'later',
    made: 0,
    emit: (): Graph => {
      each.made++;
      const g = new GraphBuilder();
      const x = g.input('x', DataType.FLOAT, [1]);
      const y = g.op('Add', [x, x]);
      return { ...g.build([{ name: y, dtype: DataType.FLOAT }]), outputs: [y], folder: '/' };
    },
  };
  return each;
}

describe('the sessions of a runner', () => {
  let cache: SessionCache;
  const use = (...requests: SessionRequest[]): Promise<Session[]> =>
    cache.during(async () => {
      const used: Session[] = [];
      for (const each of requests)
        used.push(await cache.use(each, { loadMs: 0, runMs: 0 }, steps, (session) => Promise.resolve(session)));
      return used;
    });
  /** Until all that ran is packed; packing begins a quarter of a second after the last run. */
  async function idle(...requests: { made: number }[]): Promise<void> {
    const made = requests.map((each) => each.made + 1);
    for (const end = Date.now() + 10_000; requests.some((each, i) => each.made < made[i]!) && Date.now() < end;)
      await sleep(20);
    await cache.during(() => Promise.resolve());
  }

  beforeEach(() => (cache = new SessionCache('cpu', 10)));
  afterEach(() => cache.dispose());

  it('go after the first run and stay after the second', async () => {
    const a = request('a');
    const [first] = await use(a);
    const [second] = await use(a);
    const [third] = await use(a);
    assert.notEqual(first, second);
    assert.equal(second, third);
    assert.equal(a.made, 2);
  });

  it('are packed from the first run on where runs are compared', async () => {
    const a = { ...request('a'), packed: 'first' as const };
    const [first] = await use(a);
    const [second] = await use(a);
    assert.equal(first, second);
  });

  it('go after every run where their memory is wanted for other things, and stay where they are kept already', async () => {
    const a = request('a');
    const never = { ...a, packed: 'never' as const };
    const [first] = await use(never);
    const [second] = await use(never);
    assert.notEqual(first, second);
    const after = request('after');
    await use(after);
    await idle(after);
    assert.equal(after.made, 2);
    const [packed] = await use({ ...a, packed: 'first' });
    assert.notEqual(packed, second);
    assert.deepEqual(await use(never), [packed]);
  });

  it('are packed when nothing runs, the last first', async () => {
    const order: string[] = [];
    const [a, b] = ['a', 'b'].map((name) => request(name)) as [ReturnType<typeof request>, ReturnType<typeof request>];
    await use(a, b);
    for (const each of [a, b]) {
      const { emit } = each;
      each.emit = (once) => (order.push(once ? `${each.name} once` : each.name), emit(once));
    }
    await idle(a, b);
    assert.deepEqual(order, ['b', 'a']);
    const before = [a.made, b.made];
    await use(a, b);
    assert.deepEqual([a.made, b.made], before);
  });

  it('of earlier runs make room', async () => {
    const [a, b] = [request('a', 6), request('b', 6)];
    for (let i = 0; i < 2; i++) await use(a);
    for (let i = 0; i < 2; i++) await use(b);
    assert.equal(a.made, 2);
    await use(a);
    assert.equal(a.made, 3);
  });

  it('are not packed any more when they are disposed', async () => {
    const a = request('a');
    await use(a);
    await cache.dispose();
    await sleep(400);
    assert.equal(a.made, 1);
  });

  it('on another provider are kept at once', async () => {
    // never started: the graph is made before the provider is asked
    const a = request('a');
    const other = new SessionCache('nowhere', 10);
    const run = (): Promise<unknown> =>
      other.during(() => other.use(a, { loadMs: 0, runMs: 0 }, steps, (session) => Promise.resolve(session)));
    const first = await run();
    assert.equal(await run(), first);
    await other.dispose();
  });
});
