import { describe, expect, it } from 'vitest';
import { SluiceError } from '../errors.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import { ConfigReloader, type ReloadOptions } from './reload.ts';

/** A reloader over one configuration text in memory. */
async function reloader(options: Partial<ReloadOptions> = {}) {
  const disk = { text: 'log: { level: info }' };
  const readFile = async (path: string): Promise<string> => {
    if (path === '/srv/sluice.yaml') return disk.text;
    throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
  };
  const load = (): Promise<LoadedConfig> => loadConfig({ cwd: '/srv', memoryBytes: 2 ** 32, env: {}, readFile });
  const applied: LoadedConfig[] = [];
  const subject = new ConfigReloader({
    initial: await load(),
    load,
    apply: (next) => void applied.push(next),
    readFile,
    onOutcome: () => undefined,
    ...options,
  });
  return { subject, disk, applied };
}

describe('ConfigReloader', () => {
  it('applies a new configuration', async () => {
    const { subject, disk, applied } = await reloader();
    disk.text = 'log: { level: debug }';
    expect((await subject.reload()).kind).toBe('applied');
    expect(applied.map(({ value }) => value.log.level)).toEqual(['debug']);
    await subject.close();
  });

  it('keeps the old one and says why when the new one is wrong', async () => {
    const { subject, disk, applied } = await reloader();
    disk.text = 'log: { levl: debug }';
    expect(await subject.reload()).toEqual({
      kind: 'kept',
      reason: 'sluice.yaml:1:8: log.levl: unknown setting; did you mean level?',
    });
    expect(applied).toEqual([]);
    disk.text = 'log: { level: warn }';
    expect((await subject.reload()).kind).toBe('applied');
    await subject.close();
  });

  it('keeps the old one when the new one cannot be applied', async () => {
    const { subject } = await reloader({
      apply: () => {
        throw new SluiceError('DATA_UNAVAILABLE', 'no');
      },
    });
    expect(await subject.reload()).toEqual({ kind: 'kept', reason: 'no' });
    await subject.close();
  });

  it('runs reloads one after the other', async () => {
    let running = 0;
    let most = 0;
    const { subject } = await reloader({
      apply: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      },
    });
    await Promise.all([subject.reload(), subject.reload(), subject.reload()]);
    expect(most).toBe(1);
    await subject.close();
  });
});
