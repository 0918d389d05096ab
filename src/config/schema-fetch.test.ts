import { describe, expect, it } from 'vitest';
import { parseConfig } from './load.ts';

const context = { cwd: '/srv', memoryBytes: 1024 ** 3 };

function refused(settings: object): string {
  try {
    parseConfig({ fetch: settings }, context);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('fetches by URL', () => {
  it('are off, and otherwise bounded, without a word', () => {
    expect(parseConfig({}, context).value.fetch).toEqual({
      allow: [],
      addresses: [],
      ttl: 60_000,
      grace: 600_000,
      negativeTtl: 10_000,
      errorTtl: 1000,
      maxValueBytes: 1024 * 1024,
      timeout: 5000,
      concurrency: 32,
      queue: 1000,
      maxRedirects: 3,
    });
  });

  it('take URLs, ranges and a rate', () => {
    const fetch = {
      allow: ['https://api.example.com/v1/*', 'http://*.example.com:8080/x'],
      addresses: ['10.0.0.0/8', 'fd00::/8'],
      rate: '10/1s',
    };
    expect(parseConfig({ fetch }, context).value.fetch).toMatchObject({ ...fetch, rate: { count: 10, per: 1000 } });
  });

  it.each([
    [{ allow: ['ftp://x.example/'] }, 'fetch.allow[0]: expected a URL such as'],
    [{ allow: ['https://u:p@x.example/'] }, 'fetch.allow[0]: '],
    [{ allow: ['https://x.example/?a=b'] }, 'without a query'],
    [{ allow: ['https://x.example\\@y.example/'] }, 'fetch.allow[0]: '],
    [{ allow: 'https://x.example/' }, 'fetch.allow: expected'],
    [{ addresses: ['10.0.0.1'] }, 'fetch.addresses[0]: expected a range of addresses'],
    [{ addresses: ['10.0.0.0/33'] }, 'fetch.addresses[0]: '],
    [{ addresses: ['fe80::%eth0/64'] }, 'fetch.addresses[0]: '],
    [{ addresses: ['10.0.0.0/8/8'] }, 'fetch.addresses[0]: '],
    [{ addresses: ['localhost/8'] }, 'fetch.addresses[0]: '],
    [{ rate: '0/1s' }, 'fetch.rate: expected a rate'],
    [{ maxRedirects: 11 }, 'fetch.maxRedirects: expected a whole number from 0 to 10'],
    [{ alow: [] }, 'fetch.alow: unknown setting; did you mean allow?'],
  ])('refuse %j', (settings, message) => {
    expect(refused(settings)).toContain(message);
  });
});
