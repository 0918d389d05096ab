import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { openMemoryEngine } from '../store/engine/durable-engine.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { RedisSettings } from './redis-settings.ts';

const MAX = 8 * 1024 ** 2;
function setUp(): { settings: RedisSettings; maxBytes: () => number } {
  const { value } = parseConfig({ maxBytes: '8MiB' }, { cwd: '/', memoryBytes: 1e9 });
  const { engine } = openMemoryEngine({ clock: new FakeClock(), random: Math.random, maxBytes: MAX });
  return { settings: new RedisSettings(value, engine), maxBytes: () => engine.maxBytes };
}

describe('RedisSettings', () => {
  it('knows every name it lists', () => {
    const { settings } = setUp();
    for (const name of settings.names()) expect(settings.get(name), name).toBeDefined();
    expect(settings.get('no-such')).toBeUndefined();
  });

  it("takes maxmemory in Redis's units, and 0 for the configured bound", () => {
    const { settings, maxBytes } = setUp();
    for (const [text, bytes] of [
      ['5000000', 5e6],
      ['5mb', 5 * 1024 ** 2],
      ['5M', 5e6],
      ['1gb', 1024 ** 3],
      ['0', MAX],
    ] as const) {
      settings.set('maxmemory', text);
      expect(maxBytes()).toBe(bytes);
    }
    for (const bad of ['', '-1', '5x', '1.5mb', 'mb']) {
      expect(() => settings.set('maxmemory', bad)).toThrow('argument must be a memory value');
    }
  });

  it('refuses to change what is fixed, and names what it does not know', () => {
    const { settings } = setUp();
    settings.set('databases', '1');
    expect(() => settings.set('databases', '16')).toThrow("can't set immutable config");
    expect(() => settings.set('no-such', '1')).toThrow(
      "Unknown option or number of arguments for CONFIG SET - 'no-such'",
    );
  });
});
