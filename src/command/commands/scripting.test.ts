import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';
import { addToCounter } from '../../store/decisions/add-to-counter.ts';
import { allDecisions } from '../../store/decisions/all-decisions.ts';
import { claimRecords } from '../../store/decisions/claim-records.ts';
import { incrementValue } from '../../store/decisions/increment-value.ts';
import { putValue } from '../../store/decisions/put-value.ts';
import { readValue } from '../../store/decisions/read-value.ts';

function session(proto: 2 | 3 = 2) {
  const commands = new CommandSession();
  return { commands, client: commands.client(proto) };
}

const NOSCRIPT = '-NOSCRIPT No matching script. Please use EVAL.|';

describe('scripting commands', () => {
  it('run the scripts of the store driver by SHA-1, in any case, and by text', () => {
    const { client } = session();
    const { sha1, lua } = addToCounter;
    expect(client.send('evalsha', sha1, '1', 'n', '', '2', '')).toBe(':2|');
    expect(client.send('EVALSHA', sha1.toUpperCase(), '1', 'n', '', '3', '')).toBe(':5|');
    expect(client.send('eval', lua, '1', 'n', '', '-6', '')).toBe(':-1|');
    expect(client.do('get n')).toBe('$2|-1|');
  });

  it('refuse every other script', () => {
    const { client } = session();
    expect(client.send('evalsha', '0'.repeat(40), '0')).toBe(NOSCRIPT);
    expect(client.send('evalsha', 'x', 'y', 'a')).toBe(NOSCRIPT);
    expect(client.send('eval', 'return 1', '0')).toMatch(/^-ERR this server runs no Lua/);
    expect(client.send('eval', `${addToCounter.lua} `, '1', 'n', '', '1', '')).toMatch(/^-ERR this server runs no Lua/);
    expect(client.send('script', 'load', 'return 1')).toMatch(/^-ERR this server runs no Lua/);
    expect(client.do('exists n')).toBe(':0|');
  });

  it('answer with nil, text, numbers and arrays of them', () => {
    const { client } = session();
    expect(client.send('evalsha', readValue.sha1, '1', 'k', '')).toBe('$-1|');
    expect(client.send('evalsha', putValue.sha1, '2', 'k', 'beside', '', 'value', 'type', '', '')).toBe('$7|created|');
    expect(client.send('evalsha', readValue.sha1, '2', 'k', 'beside', '')).toBe('*3|$5|value|:0|$4|type|');
    expect(client.do('get beside')).toBe('$4|type|');
    const empty = session(3).client;
    expect(empty.send('evalsha', readValue.sha1, '1', 'k', '')).toBe('_|');
    expect(empty.send('evalsha', claimRecords.sha1, '3', 'a', 'b', 'c', '', '1', '1')).toBe('*0|');
  });

  it('refuse what no script can run with, in the words of Redis', () => {
    const { client } = session();
    const { sha1 } = addToCounter;
    expect(client.send('evalsha', sha1)).toBe("-ERR wrong number of arguments for 'evalsha' command|");
    expect(client.send('evalsha', sha1, 'x', 'n')).toBe('-ERR value is not an integer or out of range|');
    expect(client.send('evalsha', sha1, '2', 'n')).toBe("-ERR Number of keys can't be greater than number of args|");
    expect(client.send('evalsha', sha1, '-1', 'n')).toBe("-ERR Number of keys can't be negative|");
    expect(client.send('evalsha', sha1, '1', 'n')).toMatch(/^-ERR the script add-to-counter takes other numbers/);
    expect(client.send('evalsha', sha1, '0', 'n', '', '1', '')).toMatch(/^-ERR the script add-to-counter takes other/);
    expect(client.send('evalsha', sha1, '1', 'n', '', 'x', '')).toMatch(/^-ERR an argument of the script/);
  });

  it('tell errors of the data as Redis does', () => {
    const { client } = session();
    client.do('rpush list a');
    client.do('set word ten');
    client.do('set max 9223372036854775807');
    const increment = (key: string): string => client.send('evalsha', incrementValue.sha1, '1', key, '', '1');
    expect(increment('list')).toMatch(/^-WRONGTYPE /);
    expect(increment('word')).toBe('-ERR value is not an integer or out of range|');
    expect(increment('max')).toBe('-ERR increment or decrement would overflow|');
  });

  it('run in a transaction, and count as changes of the keys under WATCH', () => {
    const { client, commands } = session();
    const other = commands.client();
    const argv = ['evalsha', addToCounter.sha1, '1', 'n', '', '2', ''];
    client.do('watch n');
    expect(['multi', 'exec'].map((line) => client.do(line))).toEqual(['+OK|', '*0|']);
    client.do('watch n');
    client.do('multi');
    expect(client.send(...argv)).toBe('+QUEUED|');
    other.send(...argv);
    expect(client.do('exec')).toBe('*-1|');
    client.do('multi');
    client.send(...argv);
    expect(client.do('exec')).toBe('*1|:4|');
  });

  it('ask for memory where a script takes some', () => {
    const { client, commands } = session();
    client.do('set k v');
    commands.engine.maxBytes = 1;
    expect(client.send('evalsha', putValue.sha1, '1', 'k', '', 'value', '', '', '')).toMatch(/^-OOM /);
    expect(client.send('evalsha', readValue.sha1, '1', 'k', '')).toBe('*3|$1|v|:0|$0||');
  });

  it('refuse to write where nothing can be written, and read on', () => {
    const { client, commands } = session();
    client.do('set k v');
    commands.engine.setState('read-only', 'the disk is full');
    expect(client.send('evalsha', putValue.sha1, '1', 'k', '', 'value', '', '', '')).toMatch(/^-MISCONF /);
    expect(client.send('evalsha', readValue.sha1, '1', 'k', '')).toBe('*3|$1|v|:0|$0||');
  });

  it('know where the keys are', () => {
    const { client } = session();
    expect(client.do('command getkeys evalsha x 2 a b c')).toBe('*2|$1|a|$1|b|');
    expect(client.do('command getkeys eval x 3 a b')).toMatch(/^-ERR /);
  });

  it('know all scripts of the driver before they are loaded, and after they are flushed', () => {
    const { client } = session();
    for (const { sha1, lua } of allDecisions) expect(client.send('script', 'load', lua)).toBe(`$40|${sha1}|`);
    expect(['script flush', 'script flush async'].map((line) => client.do(line))).toEqual(['+OK|', '+OK|']);
    expect(client.do(`script exists ${putValue.sha1} ${'0'.repeat(40)}`)).toBe('*2|:1|:0|');
    expect(client.do('script flush now')).toBe('-ERR SCRIPT FLUSH only support SYNC|ASYNC option|');
    expect(client.do('script flush sync x')).toBe('-ERR SCRIPT FLUSH only support SYNC|ASYNC option|');
  });
});
