import { describe, expect, it } from 'vitest';
import { CommandSession, fixedSequence } from '../../test/support/command-session.ts';

describe('execute', () => {
  it('names an unknown command and its arguments, 128 bytes of each', () => {
    const client = new CommandSession().client();
    expect(client.send('N'.repeat(200), 'a'.repeat(200), 'b')).toBe(
      `-ERR unknown command '${'N'.repeat(128)}', with args beginning with: '${'a'.repeat(128)}' |`,
    );
    expect(client.send('no\0such', 'a\r\nb')).toBe("-ERR unknown command 'no', with args beginning with: 'a  b' |");
  });

  it('finds commands in any case', () => {
    const client = new CommandSession().client();
    for (const name of ['get', 'GET', 'gEt']) expect(client.send(name, 'x')).toBe('$-1|');
    expect(client.do('CLIENT Id')).toBe(':1|');
  });

  it('refuses what takes memory at the bound, and only that', () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('mset x 1 y 2');
    commands.engine.maxBytes = 1;
    expect(client.do('set x 2')).toBe("-OOM command not allowed when used memory > 'maxmemory'.|");
    expect(client.do('get x')).toBe('$1|1|');
    expect(client.do('expire x 10')).toBe(':1|');
    expect(client.do('del x')).toBe(':1|');
  });

  it('refuses writes while the journal cannot commit, and goes on reading', () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('set x 1');
    commands.engine.setState('read-only', 'the disk is full');
    expect(client.do('set x 2')).toBe('-MISCONF Errors writing to the journal: writes are refused: the disk is full|');
    expect(client.do('get x')).toBe('$1|1|');
    client.do('multi');
    expect(client.do('set x 2')).toMatch(/^-MISCONF/);
    expect(client.do('exec')).toBe('-EXECABORT Transaction discarded because of previous errors.|');
    commands.engine.setState('ready');
    expect(client.do('set x 2')).toBe('+OK|');
  });

  it('answers LOADING until the data is read, but to commands that need none', () => {
    const commands = new CommandSession();
    const client = commands.client();
    commands.engine.setState('loading');
    expect(client.do('get x')).toMatch(/^-LOADING /);
    expect(client.do('ping')).toMatch(/^-LOADING /);
    expect(client.do('echo x')).toBe('$1|x|');
    expect(client.do('hello')).toMatch(/^\*14\|/);
    expect(client.do('info persistence')).toContain('loading:1');
    client.do('multi');
    expect(client.do('get x')).toMatch(/^-LOADING /);
  });

  it('tells a bug without its details, in the place of what was written so far', () => {
    const bugs: unknown[] = [];
    const commands = new CommandSession(fixedSequence(), { onBug: (error) => bugs.push(error) });
    const client = commands.client();
    client.do('set x 1');
    const broken = new Error('secret');
    commands.engine.user.strings.get = () => {
      throw broken;
    };
    expect(client.do('mget x')).toBe('-ERR internal error|');
    for (const line of ['multi', 'ping', 'mget x']) client.do(line);
    expect(client.do('exec')).toBe('*2|+PONG|-ERR internal error|');
    expect(bugs).toEqual([broken, broken]);
  });

  it('raises what must be durable before the reply may leave', () => {
    const commands = new CommandSession();
    const [writer, reader] = [commands.client(), commands.client()];
    writer.do('set x 1');
    expect(writer.client.revealed).toBe(commands.engine.changes.seq);
    reader.do('ping');
    expect(reader.client.revealed).toBe(0);
    reader.do('get x');
    expect(reader.client.revealed).toBe(commands.engine.changes.seq);
  });

  it('bounds a transaction', () => {
    const client = new CommandSession().client();
    const big = 'x'.repeat(200 * 1024 * 1024);
    client.do('multi');
    expect(client.send('echo', big)).toBe('+QUEUED|');
    expect(client.send('echo', big)).toBe('+QUEUED|');
    expect(client.send('echo', big)).toBe('-ERR the transaction is too large|');
    expect(client.do('exec')).toMatch(/^-EXECABORT/);
  });
});

describe('clients that wait', () => {
  it('are served in the order they came', () => {
    const commands = new CommandSession();
    const [first, second, pusher] = [commands.client(), commands.client(), commands.client()];
    first.do('blpop l 0');
    second.do('blpop l 0');
    pusher.do('rpush l a');
    expect([first.received(), second.received()]).toEqual(['*2|$1|l|$1|a|', '']);
    pusher.do('rpush l b c');
    expect([second.received(), pusher.do('lrange l 0 -1')]).toEqual(['*2|$1|l|$1|b|', '*1|$1|c|']);
    expect(commands.server.blocked.size).toBe(0);
  });

  it('get nothing once their connection is gone', () => {
    const commands = new CommandSession();
    const [gone, pusher] = [commands.client(), commands.client()];
    gone.do('blpop l 0');
    commands.server.remove(gone.client);
    pusher.do('rpush l a');
    expect(gone.received()).toBe('');
    expect(pusher.do('llen l')).toBe(':1|');
  });

  it('are served what no command pushed', async () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('blpop l 0');
    commands.engine.begin();
    commands.engine.user.lists.pushRight('l', 'a');
    expect(client.received()).toBe('');
    await Promise.resolve();
    expect(client.received()).toBe('*2|$1|l|$1|a|');
    expect(client.client.revealed).toBe(commands.engine.changes.seq);
  });

  it('wake one another through BLMOVE', () => {
    const commands = new CommandSession();
    const [mover, popper, pusher] = [commands.client(), commands.client(), commands.client()];
    popper.do('blpop b 0');
    mover.do('blmove a b left left 0');
    pusher.do('rpush a x');
    expect([mover.received(), popper.received()]).toEqual(['$1|x|', '*2|$1|b|$1|x|']);
  });
});
