import { describe, expect, it } from 'vitest';
import { ReplyError } from '../resp/reply-decoder.ts';
import { parseClusterSlots, redirectionOf } from './cluster-map.ts';

const asked = { host: 'h0', port: 7000 };

describe('the map of a cluster', () => {
  it('is read from CLUSTER SLOTS', () => {
    const map = parseClusterSlots(
      [
        [100, 16_383, ['h2', 2, 'id2', []], ['h3', 3, 'id3', []]],
        [0, 98, ['h1', 1, 'id1', []]],
      ],
      asked,
    );
    expect(map.primaries).toEqual([
      { host: 'h1', port: 1 },
      { host: 'h2', port: 2 },
    ]);
    expect(map.replicas).toEqual([{ host: 'h3', port: 3 }]);
    expect([0, 98, 99, 100, 16_383].map((slot) => map.owners[slot])).toEqual([0, 0, -1, 1, 1]);
  });

  it('takes the host that was asked for one that is not given', () => {
    for (const host of ['', null, '?']) {
      expect(parseClusterSlots([[0, 1, [host, 5, 'id', []]]], asked).primaries).toEqual([{ host: 'h0', port: 5 }]);
    }
  });

  it('leaves out what is not understood, and refuses a map without slots', () => {
    expect(parseClusterSlots([[0, 1, ['h', 1]], [2, 99_999, ['h', 1]], 7], asked).owners[2]).toBe(-1);
    expect(() => parseClusterSlots([], asked)).toThrow('no slots');
    expect(() => parseClusterSlots(new ReplyError('ERR cluster support disabled'), asked)).toThrow('disabled');
  });

  it('is mended by redirections', () => {
    const endpoint = { host: '10.0.0.1', port: 6380 };
    expect(redirectionOf('-MOVED 7 10.0.0.1:6380\r\n', asked)).toEqual({ kind: 'moved', slot: 7, endpoint });
    expect(redirectionOf('-ASK 7 10.0.0.1:6380\r\n', asked)).toEqual({ kind: 'ask', slot: 7, endpoint });
    expect(redirectionOf('-MOVED 7 ::1:6380\r\n', asked)).toMatchObject({ endpoint: { host: '::1', port: 6380 } });
    expect(redirectionOf('-MOVED 7 :6380\r\n', asked)).toMatchObject({ endpoint: { host: 'h0', port: 6380 } });
    expect(redirectionOf('-TRYAGAIN Multiple keys request during rehashing of slot\r\n', asked)).toEqual({
      kind: 'later',
    });
    expect(redirectionOf('-CLUSTERDOWN The cluster is down\r\n', asked)).toEqual({ kind: 'later' });
    for (const other of ['-ERR x\r\n', '-MOVED\r\n', '-MOVED x h:1\r\n', '-MOVED 1 h:x\r\n', '-MOVEDX 1 h:1\r\n']) {
      expect(redirectionOf(other, asked)).toBeUndefined();
    }
  });
});
