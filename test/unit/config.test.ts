import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Config } from '../../src/engine/checkpoint/config';
import { InputError } from '../../src/engine/checkpoint/errors';
import { tempFolder, writeFile } from './support/files';

const config = new Config('/models/toy/config.json', {
  n_layer: 3,
  zero: 0,
  negative: -4,
  half: 1.5,
  huge: 1e12,
  text: 'gelu',
  yes: true,
  nothing: null,
  list: ['a', 'b'],
  rope_scaling: { factor: 2, type: 'linear', bad: 'x' },
});

const refuses = (read: () => unknown, message: RegExp): void =>
  assert.throws(read, (error: unknown) => {
    assert.ok(error instanceof InputError, String(error));
    assert.ok(error.message.startsWith('/models/toy/config.json: '), error.message);
    assert.match(error.message, message);
    return true;
  });

describe('config', () => {
  it('reads what is there', () => {
    assert.equal(config.int('n_layer', 12), 3);
    assert.equal(config.number('half', 1), 1.5);
    assert.equal(config.string('text', 'relu'), 'gelu');
    assert.equal(config.bool('yes', false), true);
    assert.deepEqual(config.optionalStrings('list'), ['a', 'b']);
    assert.equal(config.int('zero', 1, { min: 0 }), 0);
  });

  it('gives the default for what is missing', () => {
    assert.equal(config.int('n_head', 12), 12);
    assert.equal(config.number('eps', 1e-5), 1e-5);
    assert.equal(config.string('act', 'gelu_new'), 'gelu_new');
    assert.equal(config.bool('tied', true), true);
    assert.equal(config.optionalInt('n_inner'), undefined);
    assert.equal(config.optionalObject('rope_parameters'), undefined);
  });

  it('knows alternative names; the first that is there counts', () => {
    assert.equal(config.int(['num_hidden_layers', 'n_layer'], 12), 3);
    assert.equal(config.int(['n_layer', 'zero'], 12), 3);
    refuses(() => config.int(['nope', 'half'], 12), /: half is 1.5/);
  });

  it('takes null for absent only where it is optional', () => {
    assert.equal(config.optionalInt('nothing'), undefined);
    assert.equal(config.optionalObject('nothing'), undefined);
    assert.equal(config.has('nothing'), true);
    refuses(() => config.int('nothing', 12), /nothing is null, an integer from 1 to \d+ was expected/);
    refuses(() => config.bool('nothing', true), /nothing is null, true or false was expected/);
  });

  it('refuses what is missing without a default', () => {
    refuses(() => config.int('d_model'), /d_model is missing, an integer/);
    refuses(() => config.string('model_type'), /model_type is missing, a string was expected/);
  });

  it('refuses wrong types and values', () => {
    refuses(() => config.int('text', 1), /text is "gelu", an integer/);
    refuses(() => config.int('half', 1), /half is 1.5, an integer/);
    refuses(() => config.int('zero', 1), /zero is 0, an integer from 1/);
    refuses(() => config.int('negative', 1), /negative is -4/);
    refuses(() => config.int('huge', 1), /huge is 1000000000000, an integer from 1 to 1073741824/);
    refuses(() => config.int('n_layer', 1, { max: 2 }), /n_layer is 3, an integer from 1 to 2/);
    refuses(() => config.number('zero', 1), /zero is 0, a positive number/);
    refuses(() => config.number('half', 1, { min: 0, max: 1 }), /half is 1.5, a number from 0 to 1/);
    refuses(() => config.string('n_layer', 'x'), /n_layer is 3, a string/);
    refuses(() => config.bool('n_layer', true), /n_layer is 3, true or false/);
    refuses(() => config.optionalObject('list'), /list is \["a","b"\], an object/);
    refuses(() => config.optionalStrings('rope_scaling'), /an array of strings/);
  });

  it('does not take what every object has for a key', () => {
    assert.equal(config.int('constructor', 7), 7);
    assert.equal(config.optionalString('__proto__'), undefined);
  });

  it('names keys of nested objects in full', () => {
    const rope = config.optionalObject(['rope_parameters', 'rope_scaling'])!;
    assert.equal(rope.number('factor'), 2);
    refuses(() => rope.number('bad', 1), /: rope_scaling.bad is "x", a positive number/);
    refuses(() => rope.number('low_freq_factor'), /: rope_scaling.low_freq_factor is missing/);
  });
});

describe('config files', () => {
  const file = join(tempFolder(), 'config.json');
  const refusesFile = (content: string, message: RegExp): Promise<void> =>
    assert.rejects(Config.read(writeFile(file, content)), (error: unknown) => {
      assert.ok(error instanceof InputError && error.message.startsWith(file), String(error));
      assert.match(error.message, message);
      return true;
    });

  it('are read, with a byte order mark too', async () => {
    assert.equal((await Config.read(writeFile(file, '\uFEFF{"n":2}'))).int('n'), 2);
    assert.equal(Config.parse('x', '{"n":2}').int('n'), 2);
  });
  it('that are not JSON are refused', () => refusesFile('{"n":', /is not valid JSON/));
  it('that hold no object are refused', async () => {
    await refusesFile('[1]', /holds an array, a JSON object was expected/);
    await refusesFile('null', /holds null/);
  });
  it('that are not there are refused', () =>
    assert.rejects(Config.read('/nowhere/config.json'), {
      name: 'InputError',
      message: '/nowhere/config.json does not exist.',
    }));
});
