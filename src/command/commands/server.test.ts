import { describe, expect, it } from 'vitest';
import { CommandSession, fixedSequence } from '../../../test/support/command-session.ts';
import { CommandError } from '../command-error.ts';
import type { Settings } from '../server.ts';

/** `maxmemory` and `timeout` take numbers, `port` cannot be changed. */
function fakeSettings(): Settings {
  const values = new Map([
    ['maxmemory', '100'],
    ['maxmemory-policy', 'noeviction'],
    ['port', '1'],
    ['timeout', '0'],
  ]);
  return {
    get: (name) => values.get(name),
    names: () => [...values.keys()],
    set(name, value) {
      if (name === 'port' || !/^\d+$/.test(value))
        throw new CommandError(`ERR CONFIG SET failed (possibly related to argument '${name}') - no`);
      values.set(name, value);
    },
  };
}

function session() {
  const commands = new CommandSession(fixedSequence(), { settings: fakeSettings() });
  return { commands, client: commands.client() };
}

function fields(text: string): Map<string, string> {
  return new Map(
    text
      .split('|')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}

describe('server commands', () => {
  it.each([
    ['flushall foo', '-ERR syntax error|'],
    ['flushall async sync', '-ERR syntax error|'],
    ['flushdb async', '+OK|'],
    ['config get', "-ERR wrong number of arguments for 'config|get' command|"],
    ['config get nosuch', '*0|'],
    ['config get MAXMEMORY', '*2|$9|MAXMEMORY|$3|100|'],
    ['config get MaxMem* port', '*6|$9|maxmemory|$3|100|$16|maxmemory-policy|$10|noeviction|$4|port|$1|1|'],
    ['config set foo bar', "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'|"],
    ['config set maxmemory 1 timeout', '-ERR syntax error|'],
    [
      'config set maxmemory 1 MAXMEMORY 2',
      "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter|",
    ],
    ['command count x', "-ERR wrong number of arguments for 'command|count' command|"],
    ['command getkeys get a', '*1|$1|a|'],
    ['command getkeys mset a 1 b 2', '*2|$1|a|$1|b|'],
    ['command getkeys blpop a b 0', '*2|$1|a|$1|b|'],
    ['command getkeys ping x', '-ERR The command has no key arguments|'],
    ['command getkeys nosuch x', '-ERR Invalid command specified|'],
    ['command getkeys get a b', '-ERR Invalid number of arguments specified for command|'],
    ['command list filterby foo bar', '-ERR syntax error|'],
    ['command list filterby pattern getr*', '*1|$8|getrange|'],
    ['command list filterby aclcat transaction', '*5|$5|multi|$4|exec|$7|discard|$5|watch|$7|unwatch|'],
    ['command list filterby module x', '*0|'],
    ['command info nosuch', '*1|$-1|'],
    ['command docs nosuch', '*0|'],
    ['info nosuch', '$0||'],
    ['info keyspace', '$12|# Keyspace||'],
  ])('%s answers %s', (line, expected) => {
    expect(session().client.do(line)).toBe(expected);
  });

  it('sets all of CONFIG SET or nothing', () => {
    const { client } = session();
    expect(client.do('config set maxmemory 5 timeout 7')).toBe('+OK|');
    expect(client.do('config set maxmemory 6 port 2')).toMatch(/^-ERR CONFIG SET failed .*'port'/);
    expect(client.do('config get maxmemory timeout')).toBe('*4|$9|maxmemory|$1|5|$7|timeout|$1|7|');
  });

  it('describes a command as Redis does', () => {
    const { client } = session();
    expect(client.do('command info client|id rename')).toBe(
      '*2|*10|$9|client|id|:2|*3|+noscript|+loading|+stale|:0|:0|:0|*2|+@slow|+@connection|*0|*0|*0|' +
        '*10|$6|rename|:3|*1|+write|:1|:2|:1|*3|+@write|+@slow|+@keyspace|*0|*2|' +
        '*6|$5|flags|*3|+RW|+access|+delete|$12|begin_search|*4|$4|type|$5|index|$4|spec|*2|$5|index|:1|' +
        '$9|find_keys|*4|$4|type|$5|range|$4|spec|*6|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|' +
        '*6|$5|flags|*2|+OW|+update|$12|begin_search|*4|$4|type|$5|index|$4|spec|*2|$5|index|:2|' +
        '$9|find_keys|*4|$4|type|$5|range|$4|spec|*6|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|*0|',
    );
  });

  it('knows how every command with keys uses them', () => {
    const { commands, client } = session();
    for (const row of commands.server.commands.all) {
      const info = client.send('command', 'info', row.name);
      expect(info.includes('begin_search'), row.name).toBe(row.keys !== undefined || row.findKeys !== undefined);
    }
  });

  it('counts and documents every row of the table', () => {
    const { commands, client } = session();
    const { length } = commands.server.commands.all;
    expect(client.do('command count')).toBe(`:${length}|`);
    expect(client.do('command docs')).toMatch(new RegExp(`^\\*${length * 2}\\|`));
    expect(client.do('command')).toMatch(new RegExp(`^\\*${length}\\|`));
    expect(new Set(commands.server.commands.all.map((row) => row.name)).size).toBe(length);
  });

  it('tells in INFO what clients and tools look for', () => {
    const { commands, client } = session();
    for (const line of ['set a 1', 'set b 1 ex 10', 'get a', 'get none', 'nosuch', 'lpush a x']) client.do(line);
    commands.clock.advance(5000);
    const info = fields(client.do('info'));
    expect(info.get('redis_version')).toBe('7.4.0');
    expect(info.get('redis_mode')).toBe('standalone');
    expect(info.get('uptime_in_seconds')).toBe('5');
    expect(info.get('loading')).toBe('0');
    expect(info.get('role')).toBe('master');
    expect(info.get('connected_clients')).toBe('1');
    expect(info.get('total_commands_processed')).toBe('7');
    expect(info.get('keyspace_hits')).toBe('1');
    expect(info.get('keyspace_misses')).toBe('1');
    expect(info.get('errorstat_ERR')).toBe('count=1');
    expect(info.get('errorstat_WRONGTYPE')).toBe('count=1');
    expect(info.get('db0')).toBe('keys=2,expires=1,avg_ttl=0');
    expect(info.get('cluster_enabled')).toBe('0');
    expect(Number(info.get('used_memory'))).toBeGreaterThan(0);
    expect([...fields(client.do('info CLUSTER keyspace')).keys()]).toEqual(['cluster_enabled', 'db0']);
    client.do('config resetstat');
    expect(fields(client.do('info stats')).get('total_commands_processed')).toBe('1');
  });

  it('tells the time of the turn', () => {
    const { client } = session();
    expect(client.do('time')).toBe('*2|$10|1700000000|$1|0|');
  });
});
