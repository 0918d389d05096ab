import { describe, expect, it } from 'vitest';
import { listSettings } from '../config/settings.ts';
import { buildProgram } from './program.ts';
import { givenSettings, settingFlags } from './setting-flags.ts';

describe('the flags of sluice start', () => {
  it('name settings that exist, with their defaults and environment names', () => {
    const settings = new Map(listSettings().map((setting) => [setting.name, setting]));
    for (const { setting: name, default: value, environment } of settingFlags) {
      const setting = settings.get(name);
      expect(setting?.environment).toBe(environment);
      expect(String(setting?.default)).toBe(value);
    }
  });

  it('become settings under the name of the flag', () => {
    expect(givenSettings({ http: ':80', logLevel: 'debug', insecure: true, config: 'x' })).toEqual({
      http: { text: ':80', flag: '--http' },
      'log.level': { text: 'debug', flag: '--log-level' },
      insecure: { text: 'true', flag: '--insecure' },
    });
  });
});

describe('help', () => {
  const program = buildProgram({ version: '0', helpWidth: 110, onStatus: () => undefined });

  it('exists for every command, and tells of its environment names', () => {
    const names = program.commands.map((command) => command.name());
    expect(names).toEqual([
      ...['start', 'check', 'keys', 'backup', 'purge', 'advise'],
      ...['write-behind', 'flush', 'dead-letters', 'restore', 'hash-secret'],
    ]);
    for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
      expect(command.summary()).not.toBe('');
      expect(command.description()).not.toBe('');
    }
    const start = program.commands[0]?.helpInformation();
    for (const { environment } of settingFlags) expect(start).toContain(environment);
  });
});
