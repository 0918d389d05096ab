import { describe, expect, it } from 'vitest';
import { type KeysInLog, redactTarget, routeLength } from './redact-target.ts';

const secret = Buffer.alloc(32, 7);
const redact = (target: string, keys: KeysInLog = 'plain', face = 'http'): string =>
  redactTarget(target, routeLength(face, target), { keys, secret });

describe('redactTarget', () => {
  it.each([
    ['/user:ada', '/user:ada'],
    ['/k?ttl=60s', '/k?ttl=60s'],
    ['/k?incr=-5', '/k?incr=-5'],
    ['/k?token=abc', '/k?token=***'],
    ['/k?ttl=my secret words', '/k?ttl=***'],
    ['/k?password', '/k?***'],
    ['/k?s3cr%65t%20value=1', '/k?***'],
    ['/k?&=', '/k?***&***'],
    ['/?url=https://u:p@h/&key=user:ada&params={"q":1}', '/?url=***&key=***&params=***'],
    ['/_sluice/fetch?url=https://h/&ttl=1m', '/_sluice/fetch?url=***&ttl=1m'],
    ['/http://u:p@h/', '/http://***@h/'],
    ['/', '/'],
    ['-', '-'],
  ])('%s is shown as %s', (target, shown) => {
    expect(redact(target)).toBe(shown);
  });

  it('hides keys behind routes too', () => {
    expect(redact('/user:ada', 'off')).toBe('/-');
    expect(redact('/_sluice/purge/user:ada', 'off')).toBe('/_sluice/purge-');
    expect(redact('/api/keys/user:ada?cursor=5', 'off', 'admin')).toBe('/api/keys-?cursor=5');
    expect(redact('/user:ada', 'hashed')).toMatch(/^\/~[0-9a-f]{16}$/);
  });

  it('bounds what is shown', () => {
    expect(redact(`/${'x'.repeat(10_000)}`).length).toBeLessThan(600);
    expect(redact(`/k?${'ttl=1s&'.repeat(10_000)}`).length).toBeLessThan(200);
  });
});
