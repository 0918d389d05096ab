import { describe, expect, it } from 'vitest';
import { diffReloadable } from './diff.ts';
import { parseConfig } from './load.ts';
import type { SluiceConfig, SluiceConfigInput } from './schema.ts';

function config(input: SluiceConfigInput): SluiceConfig {
  return parseConfig(input, { cwd: '/srv', memoryBytes: 2 ** 32 }).value;
}

describe('diffReloadable', () => {
  it('finds nothing between equal configurations', () => {
    const users = [{ name: 'a', secret: 'x' }];
    const { reloadable, needRestart } = diffReloadable(config({ users }), config({ users }));
    expect([reloadable, needRestart]).toEqual([[], []]);
  });

  it('takes over what may be reloaded and keeps the rest', () => {
    const old = config({ resp: '127.0.0.1:1', log: { level: 'info', levels: { http: 'debug' } }, maxBytes: '1GiB' });
    const next = config({
      resp: '127.0.0.1:2',
      log: { level: 'warn', format: 'text' },
      maxBytes: '2GiB',
      data: 'other',
    });
    const { reloadable, needRestart, effective } = diffReloadable(old, next);
    expect(reloadable).toEqual(['maxBytes', 'log.level', 'log.levels']);
    expect(needRestart).toEqual(['data', 'resp', 'log.format']);
    expect(effective).toEqual({ ...old, maxBytes: 2 ** 31, log: { ...old.log, level: 'warn', levels: {} } });
    expect(Object.isFrozen(effective.log)).toBe(true);
    expect(old.log.level).toBe('info');
  });

  it('sees a listener that is switched on or off', () => {
    expect(diffReloadable(config({ http: '127.0.0.1:1' }), config({})).needRestart).toEqual(['http']);
  });

  it('sees a changed secret', () => {
    const before = config({ users: [{ name: 'a', secret: 'x' }] });
    const after = config({ users: [{ name: 'a', secret: 'y' }] });
    const { reloadable, effective } = diffReloadable(before, after);
    expect(reloadable).toEqual(['users']);
    expect(effective.users).toEqual(after.users);
  });
});
