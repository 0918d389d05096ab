import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

// Every reply was seen from redis-server 7.0.15, but for the one place that says so.
describe('publish and subscribe', () => {
  it('confirms each channel and pattern with the number of all', () => {
    const client = new CommandSession().client();
    expect(client.do('subscribe a b')).toBe('*3|$9|subscribe|$1|a|:1|*3|$9|subscribe|$1|b|:2|');
    expect(client.do('psubscribe *')).toBe('*3|$10|psubscribe|$1|*|:3|');
    expect(client.do('unsubscribe a x')).toBe('*3|$11|unsubscribe|$1|a|:2|*3|$11|unsubscribe|$1|x|:2|');
    expect(client.do('punsubscribe')).toBe('*3|$12|punsubscribe|$1|*|:1|');
    expect(client.do('unsubscribe')).toBe('*3|$11|unsubscribe|$1|b|:0|');
    expect(client.do('unsubscribe')).toBe('*3|$11|unsubscribe|$-1|:0|');
  });

  it('delivers to channels and patterns, and counts the deliveries', () => {
    const commands = new CommandSession();
    const [two, three, publisher] = [commands.client(2), commands.client(3), commands.client()];
    two.do('subscribe news');
    three.do('subscribe news');
    three.do('psubscribe n*');
    expect(publisher.do('publish news hi')).toBe(':3|');
    expect(two.received()).toBe('*3|$7|message|$4|news|$2|hi|');
    expect(three.received()).toBe('>3|$7|message|$4|news|$2|hi|>4|$8|pmessage|$2|n*|$4|news|$2|hi|');
    expect(publisher.do('pubsub channels')).toBe('*1|$4|news|');
    expect(publisher.do('pubsub numsub news x')).toBe('*4|$4|news|:2|$1|x|:0|');
    expect(publisher.do('pubsub numpat')).toBe(':1|');
    expect(publisher.do('pubsub channels a b')).toBe(
      "-ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.|",
    );
  });

  it('lets a subscribed RESP2 client only manage its subscriptions', () => {
    const client = new CommandSession().client(2);
    client.do('subscribe a');
    expect(client.do('get x')).toBe(
      "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context|",
    );
    expect(client.do('publish a x')).toMatch(/^-ERR Can't execute 'publish'/);
    expect(client.do('ping')).toBe('*2|$4|pong|$0||');
    expect(client.do('ping x')).toBe('*2|$4|pong|$1|x|');
    client.do('unsubscribe');
    expect(client.do('ping')).toBe('+PONG|');
  });

  it('lets a subscribed RESP3 client do everything', () => {
    const client = new CommandSession().client(3);
    client.do('subscribe a');
    expect(client.do('ping')).toBe('+PONG|');
    expect(client.do('publish a x')).toBe('>3|$7|message|$1|a|$1|x|:1|');
  });

  it('keeps messages out of the reply of EXEC (Redis 7.0 writes them into it)', () => {
    const client = new CommandSession().client(3);
    client.do('subscribe a');
    client.do('multi');
    client.do('publish a x');
    expect(client.do('exec')).toBe('*1|:1|>3|$7|message|$1|a|$1|x|');
  });

  it('ends with the connection', () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('subscribe a');
    commands.server.remove(client.client);
    expect(commands.client().do('publish a x')).toBe(':0|');
  });

  it('holds a message back until what was written with it is durable', () => {
    const commands = new CommandSession();
    const [subscriber, publisher] = [commands.client(), commands.client()];
    subscriber.do('subscribe a');
    for (const line of ['multi', 'set x 1', 'publish a x', 'exec']) publisher.do(line);
    expect(subscriber.client.revealed).toBe(commands.engine.changes.seq);
    expect(commands.engine.changes.seq).toBeGreaterThan(0);
  });
});
