import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { addressGuard } from '../../src/client/http/address-guard.ts';
import { Apis } from '../../src/client/http/apis.ts';
import { OutgoingHttp } from '../../src/client/http/outgoing.ts';
import { isSluiceError } from '../../src/errors.ts';
import { AllowList } from '../../src/origin/fetch/allow-list.ts';
import { FetchRules } from '../../src/origin/fetch/fetch-rules.ts';
import { OutgoingUrlClient } from '../../src/origin/fetch/outgoing-url-client.ts';
import { UrlOrigin } from '../../src/origin/fetch/url-origin.ts';
import type { OriginAnswer } from '../../src/origin/origin.ts';
import { startDns, type TestDns } from '../support/dns-server.ts';
import { type RawOrigin, rawAnswer, startRawOrigin } from '../support/raw-origin.ts';

// Names that do not lead where it seems. 127.0.0.1 stands for a public address here, 127.0.0.2 for an internal one, on the same port.

let open: RawOrigin;
let internal: RawOrigin;
let dns: TestDns;
let origin: UrlOrigin;

const close = 'Connection: close\r\n';

beforeAll(async () => {
  open = await startRawOrigin((target) => {
    const to = target.startsWith('/to/') ? `Location: http://${target.slice(4)}.sites.example:${open.port}/\r\n` : '';
    const status = to === '' ? '200 OK' : '302 Found';
    return { text: rawAnswer('open', to + close, status), close: true };
  });
  internal = await startRawOrigin(() => rawAnswer('internal', close), { host: '127.0.0.2', port: open.port });
  dns = await startDns({
    'open.sites.example': [['127.0.0.1']],
    'internal.sites.example': [['127.0.0.2']],
    'rebinding.sites.example': [['127.0.0.1'], ['127.0.0.2']],
    'both.sites.example': [['127.0.0.2', '127.0.0.1']],
    'metadata.sites.example': [['169.254.169.254']],
    'mapped.sites.example': [['::ffff:7f00:2']],
    'mapped-open.sites.example': [['::ffff:7f00:1']],
    'loopback6.sites.example': [['::1']],
    'private.sites.example': [['10.0.0.1', '192.168.0.1']],
    'any.sites.example': [['0.0.0.0']],
    'any6.sites.example': [['::']],
    'translated.sites.example': [['64:ff9b::7f00:2']],
  });
  const guard = addressGuard(['127.0.0.1/32']);
  origin = new UrlOrigin({
    client: new OutgoingUrlClient({
      apis: new Apis({ clock: systemClock, random: Math.random }),
      outgoing: new OutgoingHttp({ clock: systemClock, guard, lookup: dns.lookup, connectTimeout: 2000 }),
      limits: { concurrency: 4, queue: 10 },
      maxValueBytes: 1000,
      timeout: 3000,
    }),
    rules: new FetchRules(new AllowList([`http://*.sites.example:${open.port}/*`]), guard),
    maxRedirects: 3,
  });
});
afterAll(async () => {
  await origin.close();
  await dns[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
  await internal[Symbol.asyncDispose]();
});

const fetchFrom = (name: string, path = '/'): Promise<OriginAnswer> =>
  origin.fetch({
    key: 'k',
    captures: new Map([['url', `http://${name}.sites.example:${open.port}${path}`]]),
    validators: undefined,
    signal: AbortSignal.timeout(3000),
  });
const code = (expected: string) => expect.toSatisfy((error) => isSluiceError(error) && error.code === expected);

describe('the address a name leads to', () => {
  it('is connected to when it is a public one', async () => {
    expect(await fetchFrom('open')).toMatchObject({ kind: 'value', value: 'open' });
  });

  it.each(['internal', 'metadata', 'mapped', 'mapped-open', 'loopback6', 'private', 'any', 'any6', 'translated'])(
    'is refused when it is %s',
    async (name) => {
      await expect(fetchFrom(name)).rejects.toThrowError(code('FORBIDDEN'));
    },
  );

  it('is asked for once, and what was checked is what is connected to', async () => {
    expect(await fetchFrom('rebinding')).toMatchObject({ kind: 'value', value: 'open' });
    expect(dns.questions('rebinding.sites.example')).toBe(1);
    await expect(fetchFrom('rebinding')).rejects.toThrowError(code('FORBIDDEN'));
  });

  it('is never an internal one that stands beside a public one', async () => {
    const outcome = await fetchFrom('both').catch((error: unknown) => error);
    if (outcome instanceof Error) expect(outcome).toEqual(code('FORBIDDEN'));
    else expect(outcome).toMatchObject({ value: 'open' });
  });

  it.each(['internal', 'metadata', 'mapped', 'loopback6'])(
    'is refused behind a redirect when it is %s',
    async (name) => {
      await expect(fetchFrom('open', `/to/${name}`)).rejects.toThrowError(code('ORIGIN_FAILED'));
    },
  );

  it('is followed behind a redirect when it is a public one', async () => {
    expect(await fetchFrom('open', '/to/open')).toMatchObject({ value: 'open' });
  });

  it('is a failure of the origin when there is none', async () => {
    await expect(fetchFrom('nowhere')).rejects.toThrowError(code('ORIGIN_FAILED'));
  });

  it('was never the internal one', () => {
    expect(internal.connections()).toBe(0);
  });
});
