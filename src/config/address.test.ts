import { describe, expect, it } from 'vitest';
import { formatAddress, isLoopbackHost, parseAddress } from './address.ts';

describe('parseAddress', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    [':8080', { host: '', port: 8080 }],
    ['*:8080', { host: '', port: 8080 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['my-host.example:65535', { host: 'my-host.example', port: 65_535 }],
    ['off', 'off'],
  ])('reads %s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
  });

  it.each([
    '',
    '8080',
    'localhost',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:8080',
    '[::1]',
    '[127.0.0.1]:80',
    '300.1.1.1:80',
    'http://localhost:80',
    'a b:80',
    '-a:80',
    '127.0.0.1:80\n',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('is read back from what formatAddress writes', () => {
    for (const text of ['127.0.0.1:8080', ':0', '[::1]:8080', 'localhost:1']) {
      const address = parseAddress(text);
      if (address === undefined || address === 'off') throw new Error(`${text} was not read`);
      expect(formatAddress(address)).toBe(text);
    }
  });
});

describe('isLoopbackHost', () => {
  it.each(['127.0.0.1', '127.1.2.3', 'localhost', 'LOCALHOST', '::1', '::ffff:127.0.0.1'])('trusts %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each(['', '0.0.0.0', '::', '10.0.0.1', 'localhost.example.com', '127.evil.example', '128.0.0.1'])(
    'does not trust %j',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
    },
  );
});
