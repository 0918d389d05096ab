import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../errors.ts';
import type { OwnConnection, ReplyReceiver, ReplySource } from '../../link/upstream.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { ReplicaLine } from './replica-line.ts';

const gone = new SluiceError('STORE_TIMEOUT', 'the connection was closed');

/** A server that answers when it is told to, on the connection of the answers and on the line's own. */
class Server implements ReplySource {
  readonly name = 'h:1';
  history = 'a';
  role = 'master';
  own = 0;
  /** Questions over the connection of the answers. */
  readonly asked: ReplyReceiver[] = [];
  /** Rounds: keys of marks, and who waits. */
  readonly rounds: { readonly key: string; readonly receiver: ReplyReceiver }[] = [];

  send(_: string, receiver: ReplyReceiver): void {
    this.asked.push(receiver);
  }

  another({ closed }: { closed(reason: string): void }): OwnConnection {
    this.own++;
    let current: ReplyReceiver | undefined;
    return {
      send: (text, receiver) => {
        expect(text).toMatch(/^\*5\r\n\$3\r\nSET\r\n.*\r\nWAIT\r\n.*\r\nINFO\r\n/s);
        current = receiver;
        this.rounds.push({ key: /SET\r\n\$\d+\r\n(.*)\r\n/.exec(text)?.[1] ?? '', receiver });
      },
      destroy: (reason) => {
        current?.failed(gone);
        closed(reason);
      },
    };
  }

  get info(): string {
    const text = `# Replication\r\nrole:${this.role}\r\nmaster_replid:${this.history}\r\n`;
    return `=${text.length + 4}\r\ntxt:${text}\r\n`;
  }

  async tell(): Promise<void> {
    this.asked.shift()?.replied(this.info);
    await settled();
  }

  /** Answers the round that runs. */
  async answer(have: number, mark = '+OK\r\n'): Promise<void> {
    const round = this.rounds.shift();
    for (const frame of [mark, `:${have}\r\n`, this.info]) round?.receiver.replied(frame);
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Setup {
  readonly clock = new FakeClock();
  readonly server = new Server();
  readonly told: string[] = [];
  readonly line: ReplicaLine;

  constructor(replicas = 1) {
    const { clock, server: source } = this;
    this.line = new ReplicaLine({ source, replicas, clock, over: () => this.told.push('over') });
  }

  async join(name: string, timeout = 1000): Promise<void> {
    this.line.join({
      key: name.charAt(0),
      deadline: this.clock.monotonic() + timeout,
      kept: () => this.told.push(`${name} kept`),
      unknown: (why) => this.told.push(`${name} unknown: ${why}`),
    });
    await settled();
  }
}

describe('changes that wait for replicas', () => {
  it('are kept by the round after them, never by the one that runs when they come', async () => {
    const setup = new Setup();
    const { server, told } = setup;
    await setup.join('k1');
    await setup.join('k2');
    expect(server.rounds).toEqual([]);
    await server.tell();
    expect(server.rounds.length).toBe(1);
    await setup.join('k3');
    await server.answer(1);
    expect(told).toEqual(['k1 kept', 'k2 kept']);
    await server.answer(2);
    expect(told).toEqual(['k1 kept', 'k2 kept', 'k3 kept']);
    expect([server.own, server.asked.length, server.rounds.length]).toEqual([1, 0, 0]);
  });

  it('wait on while there are too few replicas, and no longer than they would', async () => {
    const setup = new Setup(2);
    const { server, told, clock } = setup;
    await setup.join('k1', 300);
    await setup.join('k2', 1000);
    await server.tell();
    await server.answer(1);
    expect(told).toEqual([]);
    clock.advance(300);
    expect(told).toEqual(['k1 unknown: one has it']);
    await server.answer(2);
    expect(told).toEqual(['k1 unknown: one has it', 'k2 kept']);
    clock.advance(10_000);
    expect(told.length).toBe(2);
  });

  it('are all of unknown fate where the server has another history, or is a primary no more', async () => {
    for (const change of [{ history: 'b' }, { role: 'slave' }]) {
      const setup = new Setup();
      const { server, told } = setup;
      await setup.join('k1');
      await server.tell();
      await setup.join('k2');
      Object.assign(server, change);
      await server.answer(1);
      expect(told).toEqual([
        'over',
        expect.stringMatching(/^k1 unknown: the server/),
        expect.stringMatching(/^k2 unknown: the server/),
      ]);
    }
  });

  it('are of unknown fate where the connection that brought the answers is gone before it told the history', async () => {
    const setup = new Setup();
    await setup.join('k1');
    setup.server.asked[0]?.failed(gone);
    await settled();
    expect(setup.told).toEqual(['over', 'k1 unknown: the connection was closed']);
  });

  it('are looked for again over another connection, while it is the same server', async () => {
    const setup = new Setup();
    const { server, told, clock } = setup;
    await setup.join('k1', 10_000);
    await server.tell();
    // No answer at all.
    clock.advance(5_000);
    await settled();
    expect(server.asked.length).toBe(1);
    await server.tell();
    clock.advance(100);
    await settled();
    expect([server.own, server.rounds.length]).toEqual([2, 2]);
    server.rounds.shift();
    await server.answer(1);
    expect(told).toEqual(['k1 kept']);
  });

  it('are of unknown fate at once where their slot has moved, and no others are', async () => {
    const setup = new Setup();
    const { server, told } = setup;
    await setup.join('a1');
    await setup.join('b1');
    await server.tell();
    await server.answer(0, '-MOVED 1 h:2\r\n');
    expect(told).toEqual(['b1 unknown: its slot is not here any more: MOVED 1 h:2']);
    await server.answer(1);
    expect(told.at(-1)).toBe('a1 kept');
  });

  it('are told why the server refuses to answer', async () => {
    const setup = new Setup();
    await setup.join('k1');
    setup.server.asked[0]?.replied("-NOPERM this user has no permissions to run the 'info' command\r\n");
    await settled();
    expect(setup.told.at(-1)).toBe("k1 unknown: NOPERM this user has no permissions to run the 'info' command");
  });

  it('leave no line behind that nobody waits in', async () => {
    const setup = new Setup();
    const { server, told, clock } = setup;
    await setup.join('k1');
    await server.tell();
    await server.answer(1);
    clock.advance(30_000);
    expect(told).toEqual(['k1 kept', 'over']);
    clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });
});
