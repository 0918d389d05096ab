import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../errors.ts';
import { AllowList } from './allow-list.ts';
import { parseTarget } from './fetch-target.ts';

const allows = (pattern: string, url: string): boolean => new AllowList([pattern]).allows(parseTarget(url));

describe('the allow list', () => {
  it.each([
    ['https://api.example.com/*', 'https://api.example.com/'],
    ['https://api.example.com/*', 'https://api.example.com/a/b?c=d'],
    ['https://*.example.com/v1/*', 'https://eu.example.com/v1/users'],
    ['https://api.example.com/v1*', 'https://api.example.com/v1'],
    ['https://api.example.com/status', 'https://api.example.com/status?verbose=1'],
    ['http://api.example.com:8080/*', 'http://api.example.com:8080/x'],
    ['http://127.0.0.1:8080/*', 'http://127.0.0.1:8080/x'],
    ['https://[2606:4700::1111]/*', 'https://[2606:4700::1111]/x'],
    ['https://example.com', 'https://example.com/'],
  ])('%s allows %s', (pattern, url) => {
    expect(allows(pattern, url)).toBe(true);
  });

  it.each([
    ['https://api.example.com/*', 'http://api.example.com/'],
    ['https://api.example.com/*', 'https://api.example.com:8443/'],
    ['https://api.example.com/*', 'https://api.example.com.evil.example/'],
    ['https://api.example.com/*', 'https://evil.example/api.example.com/'],
    ['https://api.example.com/*', 'https://xapi.example.com/'],
    ['https://api.example.com/v1/*', 'https://api.example.com/v1'],
    ['https://api.example.com/v1/*', 'https://api.example.com/V1/x'],
    ['https://api.example.com/v1/*', 'https://api.example.com//v1/x'],
    ['https://api.example.com/v1/*', 'https://api.example.com/%761/x'],
    ['https://api.example.com/status', 'https://api.example.com/status/x'],
    ['https://*.example.com/*', 'https://example.com/'],
    ['https://*.example.com/*', 'https://a.b.example.com/'],
    ['https://*.example.com/*', 'https://evilexample.com/'],
    ['https://*.example.com/*', 'https://a.example.com.evil.example/'],
    ['https://*.example.com/*', 'https://.example.com/'],
    ['https://[2606:4700::1111]/*', 'https://[2606:4700::1112]/'],
    ['http://127.0.0.1:8080/*', 'http://127.0.0.1/'],
  ])('%s does not allow %s', (pattern, url) => {
    expect(allows(pattern, url)).toBe(false);
  });

  it.each([
    'https://*/*',
    'https://*',
    'https://*.com/*',
    'https://*.0.0.1/*',
    'https://a.*.example.com/*',
    'https://a*.example.com/*',
    'https://*.*.example.com/*',
    'https://api.example.com:*/*',
    'https://api.example.com/*/x',
    'https://api.example.com/**',
    'https://api.example.com/x?y=1',
    'https://api.example.com/a/../*',
    'https://user@api.example.com/*',
    '*://api.example.com/*',
    'api.example.com/*',
    'file:///*',
    'https://API.example.com/*',
    'https://api.example.com:443/*',
    '*',
    '',
  ])('refuses the pattern %j', (pattern) => {
    expect(() => new AllowList([pattern])).toThrowError(
      expect.toSatisfy((error) => isSluiceError(error, 'INVALID_ARGUMENT')),
    );
  });

  it('allows nothing when it is empty', () => {
    expect(new AllowList([]).allows(parseTarget('https://example.com/'))).toBe(false);
  });
});
