import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns';
import { once } from 'node:events';
import type { LookupFunction } from 'node:net';

/** Names a test resolves: for each question the addresses of the next answer; the last one stays. */
export type Zone = Readonly<Record<string, readonly (readonly string[])[]>>;

/** A DNS server on loopback, and a lookup that asks it instead of the system. */
export interface TestDns extends AsyncDisposable {
  readonly lookup: LookupFunction;
  /** How often an IPv4 address of a name was asked for. */
  readonly questions: (name: string) => number;
}

const A = 1;
const AAAA = 28;
const NAME_ERROR = 3;

/** Answers over UDP; IPv4 and IPv6 addresses, with a TTL of 0. */
export async function startDns(zone: Zone): Promise<TestDns> {
  const socket = createSocket('udp4');
  const asked = new Map<string, number>();
  socket.on('message', (query, { address, port }) => {
    const { name, type, end } = questionOf(query);
    const turn = asked.get(name) ?? 0;
    if (type === A) asked.set(name, turn + 1);
    const answers = zone[name];
    const all = answers?.[Math.min(type === A ? turn : Math.max(0, turn - 1), answers.length - 1)] ?? [];
    const wanted = all.filter((text) => text.includes(':') === (type === AAAA));
    socket.send(answerTo(query, end, type, wanted, answers === undefined), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  const lookup: LookupFunction = (name, options, callback) => {
    resolveBoth(resolver, name).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) callback(Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' }), '', 0);
        else if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
  return {
    lookup,
    questions: (name) => asked.get(name) ?? 0,
    async [Symbol.asyncDispose]() {
      resolver.cancel();
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

async function resolveBoth(resolver: Resolver, name: string): Promise<{ address: string; family: number }[]> {
  const ask = (method: 'resolve4' | 'resolve6'): Promise<string[]> =>
    new Promise((resolve, reject) => {
      resolver[method](name, (error, addresses) => {
        if (error === null) resolve(addresses);
        else if (error.code === 'ENODATA') resolve([]);
        else reject(error);
      });
    });
  const four = (await ask('resolve4')).map((address) => ({ address, family: 4 }));
  const six = (await ask('resolve6')).map((address) => ({ address, family: 6 }));
  return [...four, ...six];
}

function questionOf(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] as number; length > 0; length = query[at] as number) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(query: Buffer, end: number, type: number, addresses: readonly string[], unknown: boolean): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8580 | (unknown ? NAME_ERROR : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) => {
    const data = bytesOf(address);
    const record = Buffer.alloc(12);
    // The name is that of the question.
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, query.subarray(12, end), ...records]);
}

function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [front = '', back] = address.split('::');
  const groups = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(':'));
  const [head, tail] = [groups(front), groups(back)];
  const all = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
