import assert from 'node:assert/strict';
import { moveRange, TrackedRanges, type OffsetRange, type TextChange } from '../../src/host/trackedRanges';

/** A document that is edited as VS Code edits it, and what is tracked in it. */
class Editing {
  constructor(
    public text: string,
    readonly tracked: TrackedRanges,
  ) {}

  static of(text: string, tokens: string[]): Editing {
    const analyzed = tokens.join('');
    const ends = tokens.map((_, i) => tokens.slice(0, i + 1).join('').length);
    const ranges = ends.map((end, i) => ({ start: end - tokens[i]!.length, end }));
    return new Editing(text, new TrackedRanges(text.indexOf(analyzed), analyzed, ranges));
  }

  /** Replaces from `rangeOffset`; returns the change that undoes it. */
  edit(rangeOffset: number, rangeLength: number, text: string): TextChange {
    const old = this.text.slice(rangeOffset, rangeOffset + rangeLength);
    this.apply([{ rangeOffset, rangeLength, text }]);
    return { rangeOffset, rangeLength: text.length, text: old };
  }

  apply(changes: TextChange[]): void {
    for (const { rangeOffset, rangeLength, text } of changes)
      this.text = this.text.slice(0, rangeOffset) + text + this.text.slice(rangeOffset + rangeLength);
    this.tracked.apply(changes, this.textIn);
  }

  readonly textIn = ({ start, end }: OffsetRange): string => this.text.slice(Math.max(0, start), Math.max(0, end));

  get stale(): boolean {
    return this.tracked.isStale(this.textIn);
  }

  tokens(n: number): string[] {
    return Array.from({ length: n }, (_, i) => this.textIn(this.tracked.token(i)!));
  }
}

const TOKENS = ['let', ' total', ' =', '\r\n', ' add'];
const TEXT = '// before\r\nlet total =\r\n add(1);\r\n';
const START = TEXT.indexOf('let');
const open = (): Editing => Editing.of(TEXT, TOKENS);

describe('ranges that move with edits', () => {
  it('shift when text is inserted or deleted before them', () => {
    const e = open();
    e.edit(0, 0, 'new line\r\n');
    e.edit(0, 3, '');
    assert.deepEqual(e.tokens(5), TOKENS);
    assert.equal(e.stale, false);
  });

  it('stay when text is inserted at their start, at their end, or after them', () => {
    const e = open();
    e.edit(START, 0, 'x');
    e.edit(e.tracked.range.end, 0, 'y');
    e.edit(e.text.length, 0, 'z');
    assert.deepEqual(e.tokens(5), TOKENS);
    assert.equal(e.stale, false);
  });

  it('grow or shrink inside, move behind it, and are stale then', () => {
    const e = open();
    e.edit(START + 5, 0, 'AB');
    assert.deepEqual(e.tokens(5), ['let', ' tABotal', ' =', '\r\n', ' add']);
    assert.equal(e.stale, true);
    e.edit(START + 5, 4, '');
    assert.deepEqual(
      e.tokens(5),
      ['let', ' ttal', ' =', '\r\n', ' add'].map((t) => t.replace('ttal', 'tal')),
    );
  });

  it('are stale when as much is put in as was taken out', () => {
    const e = open();
    e.edit(START + 4, 5, 'other');
    assert.equal(e.stale, true);
  });

  it('lose what a deletion across tokens takes', () => {
    const e = open();
    e.edit(START + 1, 10, '');
    assert.deepEqual(e.tokens(5), ['l', '', '', '\r\n', ' add']);
  });

  it('move with the edits of several cursors, which come from the bottom up', () => {
    const e = open();
    e.apply([
      { rangeOffset: TEXT.length, rangeLength: 0, text: '//' },
      { rangeOffset: START, rangeLength: 0, text: '//' },
      { rangeOffset: 0, rangeLength: 0, text: '//' },
    ]);
    assert.deepEqual(e.tokens(5), TOKENS);
  });

  const undone: [string, number, number, string][] = [
    ['an insertion inside', START + 5, 0, 'zz'],
    ['a deletion inside', START + 1, 10, ''],
    ['a deletion of all of it', START, TOKENS.join('').length, ''],
    ['a deletion across its start', START - 4, 7, ''],
    ['a deletion across its end', START + 12, 9, ''],
    ['a deletion of the whole file', 0, TEXT.length, ''],
    ['a replacement across its start', START - 4, 7, 'something longer'],
    ['another text over the whole file', 0, TEXT.length, 'x'],
  ];
  for (const [what, offset, length, text] of undone)
    it(`are where they were after ${what} is undone`, () => {
      const e = open();
      const undo = e.edit(offset, length, text);
      assert.equal(e.stale, true);
      e.apply([undo]);
      assert.equal(e.stale, false);
      assert.deepEqual(e.tracked.range, { start: START, end: START + TOKENS.join('').length });
      assert.deepEqual(e.tokens(5), TOKENS);
    });

  it('do not take up the same text elsewhere when theirs is deleted', () => {
    const e = Editing.of('ab\nab\n', ['a', 'b', '\n']);
    e.edit(0, 3, '');
    assert.equal(e.stale, true);
  });

  it('find the token at an offset', () => {
    const { tracked } = open();
    assert.equal(tracked.tokenAt(START), 0);
    assert.equal(tracked.tokenAt(START + 3), 1);
    assert.equal(tracked.tokenAt(START - 1), undefined);
    assert.equal(tracked.tokenAt(tracked.range.end), undefined);
  });

  it('find the last of the tokens that share a character', () => {
    const shared = new TrackedRanges(0, 'a😀b', [
      { start: 0, end: 1 },
      { start: 1, end: 3 },
      { start: 1, end: 3 },
      { start: 3, end: 4 },
    ]);
    assert.deepEqual(
      [0, 1, 2, 3].map((offset) => shared.tokenAt(offset)),
      [0, 2, 2, 3],
    );
  });

  it('never turn inside out, whatever is edited', () => {
    for (let at = 0; at < 12; at++)
      for (let length = 0; at + length <= 12; length++)
        for (const text of ['', 'x', 'xxxxxxxx']) {
          const { start, end } = moveRange({ start: 4, end: 8 }, { rangeOffset: at, rangeLength: length, text });
          assert.ok(0 <= start && start <= end && end <= 12 - length + text.length, `${at} ${length} ${text}`);
        }
  });
});
