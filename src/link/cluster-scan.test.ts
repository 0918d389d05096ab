import { describe, expect, it } from 'vitest';
import { cursorOf, parseCursor, placeOf, scanReply } from './cluster-scan.ts';

describe('a SCAN over all nodes', () => {
  it('has cursors that name the node and the map', () => {
    for (const place of [
      { node: 0, cursor: '17' },
      { node: 2, cursor: '0' },
      { node: 1023, cursor: String(2n ** 43n) },
    ]) {
      const cursor = parseCursor(cursorOf(place, 0xdeadbeef)) as bigint;
      expect(cursor).toBeGreaterThan(0n);
      expect(placeOf(cursor, 0xdeadbeef)).toEqual(place);
      expect(placeOf(cursor, 0xdeadbee0)).toBeUndefined();
    }
    expect(placeOf(0n, 5)).toEqual({ node: 0, cursor: '0' });
    expect(cursorOf({ node: 0, cursor: String(2n ** 45n) }, 1)).toBeUndefined();
    expect(cursorOf({ node: 1024, cursor: '0' }, 1)).toBeUndefined();
    for (const word of [undefined, '', 'x', '-1', '1.5', '1'.repeat(21)]) expect(parseCursor(word)).toBeUndefined();
  });

  it('reads the reply of a node', () => {
    expect(scanReply('*2\r\n$2\r\n17\r\n*1\r\n$1\r\na\r\n')).toEqual({ cursor: '17', rest: '*1\r\n$1\r\na\r\n' });
    expect(scanReply('-ERR x\r\n')).toBeUndefined();
  });
});
