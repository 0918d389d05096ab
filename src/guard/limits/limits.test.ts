import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../testing/fake-clock.ts';
import { type LimitSettings, Limits } from './limits.ts';

const open: LimitSettings = {
  totalConnections: 0,
  connectionsPerAddress: 0,
  rate: { perUser: undefined, perAddress: undefined, burst: 0 },
  inFlight: { requests: 0, bytes: 0 },
  outputBytes: 0,
};

function limitsOf(settings: Partial<LimitSettings>): { limits: Limits; clock: FakeClock } {
  const clock = new FakeClock();
  return { clock, limits: new Limits({ ...open, ...settings }, () => clock.monotonic(), [1, 2]) };
}

describe('connections', () => {
  it('are counted over all gates, and the one of administration is not refused', () => {
    const { limits } = limitsOf({ totalConnections: 2 });
    const http = limits.gate({ face: 'http', loopbackOnly: false });
    const resp = limits.gate({ face: 'resp', loopbackOnly: false });
    const admin = limits.gate({ face: 'admin', loopbackOnly: true, isAdmin: true });
    const first = http.admit('192.0.2.1');
    expect(resp.admit('192.0.2.2')).toBeDefined();
    expect(resp.admit('192.0.2.3')).toBeUndefined();
    expect(resp.hits.get('totalConnections')).toBe(1);
    expect(admin.admit('192.0.2.3')).toBeDefined();
    first?.();
    first?.();
    expect(limits.connections).toBe(2);
    expect(limits.addresses).toBe(2);
  });

  it('are counted per address, a /64 being one address', () => {
    const { limits } = limitsOf({ connectionsPerAddress: 2 });
    const gate = limits.gate({ face: 'http', loopbackOnly: false });
    const first = gate.admit('2001:db8::1');
    expect(gate.admit('2001:db8::2')).toBeDefined();
    expect(gate.admit('2001:db8::3')).toBeUndefined();
    expect(gate.admit('2001:db8:0:1::3')).toBeDefined();
    first?.();
    expect(gate.admit('2001:db8::3')).toBeDefined();
    expect(gate.admit('::ffff:192.0.2.1')).toBeDefined();
    expect(gate.admit('192.0.2.1')).toBeDefined();
    expect(gate.admit('::ffff:192.0.2.1')).toBeUndefined();
    expect(gate.hits.get('connectionsPerAddress')).toBe(2);
  });

  it('from one address are 1000 where nothing is said, and unbounded at listeners on loopback', () => {
    const { limits } = limitsOf({ connectionsPerAddress: undefined });
    const outer = limits.gate({ face: 'http', loopbackOnly: false });
    const inner = limits.gate({ face: 'resp', loopbackOnly: true });
    for (let i = 0; i < 1000; i++) expect(outer.admit('192.0.2.1')).toBeDefined();
    expect(outer.admit('192.0.2.1')).toBeUndefined();
    for (let i = 0; i < 1500; i++) expect(inner.admit('127.0.0.1')).toBeDefined();
  });
});

describe('rates', () => {
  const rate = { perUser: { count: 5, per: 1000 }, perAddress: { count: 2, per: 1000 }, burst: 0 };

  it('are those of the user over all connections, else those of the address', () => {
    const { limits, clock } = limitsOf({ rate });
    const gate = limits.gate({ face: 'http', loopbackOnly: false });
    const one = gate.visitor('192.0.2.1');
    const two = gate.visitor('192.0.2.2');
    const waits = [one, two, one, two, one, two].map((visitor) => visitor.take('app'));
    expect(waits.map((wait) => wait === 0)).toEqual([true, true, true, true, true, false]);
    expect(waits.at(-1)).toBeCloseTo(200);
    expect([one.take('ops'), one.take(undefined), one.take(undefined)]).toEqual([0, 0, 0]);
    expect(one.take(undefined)).toBeCloseTo(500);
    expect(two.take(undefined)).toBe(0);
    expect(gate.hits.get('rate.perUser')).toBe(1);
    expect(gate.hits.get('rate.perAddress')).toBe(1);
    expect(limits.rates.inUse('perUser')).toBe(2);
    expect(limits.rates.inUse('perAddress')).toBe(2);
    clock.advance(500);
    expect(one.take(undefined)).toBe(0);
  });

  it('survive the end of a connection', () => {
    const { limits } = limitsOf({ rate });
    const gate = limits.gate({ face: 'http', loopbackOnly: false });
    for (let i = 0; i < 10; i++) {
      expect(gate.visitor('192.0.2.1').take(undefined) === 0).toBe(i < 2);
    }
  });

  it('can be replaced while used', () => {
    const { limits, clock } = limitsOf({});
    const visitor = limits.gate({ face: 'http', loopbackOnly: false }).visitor('192.0.2.1');
    for (let i = 0; i < 10; i++) expect(visitor.take(undefined)).toBe(0);
    limits.replace({ ...open, rate: { ...rate, burst: 1 } });
    expect(visitor.take(undefined)).toBe(0);
    expect(visitor.take(undefined)).toBeGreaterThan(0);
    limits.replace({ ...open, rate: { ...rate, perAddress: { count: 1000, per: 1000 } } });
    clock.advance(1);
    expect(visitor.take(undefined)).toBe(0);
    limits.replace(open);
    expect(visitor.take(undefined)).toBe(0);
  });
});

describe('requests under way', () => {
  it('are bounded over all gates', () => {
    const { limits } = limitsOf({ inFlight: { requests: 2, bytes: 0 } });
    const http = limits.gate({ face: 'http', loopbackOnly: false });
    const admin = limits.gate({ face: 'admin', loopbackOnly: true });
    expect([http.beginRequest(), admin.beginRequest(), http.beginRequest()]).toEqual([true, true, false]);
    expect(limits.requests).toBe(3);
    http.endRequest();
    http.endRequest();
    expect(http.beginRequest()).toBe(true);
  });
});
