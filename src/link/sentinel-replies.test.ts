import { describe, expect, it } from 'vitest';
import { ReplyError } from '../resp/reply-decoder.ts';
import { primaryOf, sentinelsOf, switchedTo } from './sentinel-replies.ts';

const push = (channel: string, payload: string): string =>
  `>3\r\n$7\r\nmessage\r\n$${channel.length}\r\n${channel}\r\n$${payload.length}\r\n${payload}\r\n`;

describe('what Sentinels say', () => {
  it('names the primary', () => {
    expect(primaryOf(['10.0.0.1', '6379'], 'main')).toEqual({ host: '10.0.0.1', port: 6379 });
    expect(() => primaryOf(null, 'main')).toThrow('no primary of the name main');
    expect(() => primaryOf(new ReplyError('NOAUTH Authentication required.'), 'main')).toThrow('NOAUTH');
    for (const odd of [[], ['', '1'], ['h', '0'], ['h', 'x'], 'h:1', 7]) {
      expect(() => primaryOf(odd, 'main')).toThrow('no address');
    }
  });

  it('names the other Sentinels, as maps or flat', () => {
    const first = new Map([
      ['name', 'x'],
      ['ip', '::1'],
      ['port', '26379'],
    ]);
    expect(sentinelsOf([first, ['ip', 'h2', 'port', '2'], ['ip', 'h3'], null])).toEqual([
      { host: '::1', port: 26_379 },
      { host: 'h2', port: 2 },
    ]);
    expect(sentinelsOf(null)).toEqual([]);
  });

  it('tells that the primary is another', () => {
    expect(switchedTo(push('+switch-master', 'main h1 1 h2 2'), 'main')).toEqual({ host: 'h2', port: 2 });
    expect(switchedTo(push('+switch-master', 'other h1 1 h2 2'), 'main')).toBeUndefined();
    expect(switchedTo(push('+sdown', 'main h1 1 h2 2'), 'main')).toBeUndefined();
    expect(switchedTo(push('+switch-master', 'main h1 1'), 'main')).toBeUndefined();
    expect(switchedTo('>3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n', 'main')).toBeUndefined();
  });
});
