import { describe, expect, it } from 'vitest';
import { applyRules, describeAccount, newAccount } from './account.ts';
import type { CommandCatalog } from './catalog.ts';
import { type CommandAccess, Need, Permissions } from './permissions.ts';

/** A catalog that grows, as one does when the server behind tells of its commands. */
class Growing implements CommandCatalog {
  version = 1;
  readonly commands = new Map([
    ['get', 'read'],
    ['set', 'write'],
    ['config', 'slow'],
    ['config|get', 'admin'],
    ['config|set', 'admin'],
    ['debug', 'dangerous'],
  ]);

  has(name: string): boolean {
    return this.commands.has(name);
  }

  subcommandsOf(name: string): readonly string[] {
    return [...this.commands.keys()].filter((each) => each.startsWith(`${name}|`));
  }

  inCategory(category: string): readonly string[] {
    return [...this.commands].filter(([, of]) => category === 'all' || of === category).map(([name]) => name);
  }

  learn(name: string, category: string): void {
    this.commands.set(name, category);
    this.version++;
  }
}

function permissionsOf(rules: string, catalog = new Growing()): Permissions {
  const account = applyRules(newAccount, rules.split(' '), { catalog, hashPassword: (password) => `h(${password})` });
  return new Permissions([account.root, ...account.selectors], catalog);
}

const access = (name: string, need: Need = Need.read, more: Partial<CommandAccess> = {}): CommandAccess => ({
  name,
  always: false,
  hidden: 'nothing',
  keyUses: (argv) => argv.slice(1).map((_, i) => ({ position: i + 1, need })),
  channels: undefined,
  ...more,
});

describe('Permissions', () => {
  it('ask for the command, then for each key by what is done to it', () => {
    const permissions = permissionsOf('+get +set %R~r* %W~w*');
    expect(permissions.check(access('get'), ['GET', 'r'])).toBeUndefined();
    expect(permissions.check(access('get'), ['GET', 'r', 'w'])).toEqual({ kind: 'key', position: 2 });
    expect(permissions.check(access('set', Need.write), ['SET', 'w'])).toBeUndefined();
    expect(permissions.check(access('set', Need.both), ['SET', 'w'])).toEqual({ kind: 'key', position: 1 });
    expect(permissions.check(access('get', Need.none), ['EXISTS', 'w'])).toBeUndefined();
    expect(permissions.check(access('debug'), ['DEBUG', 'r'])).toEqual({ kind: 'command', position: 0 });
    expect(permissions.check(access('hello', Need.none, { always: true }), ['HELLO'])).toBeUndefined();
  });

  it('are those of one selector, never pieced together', () => {
    const permissions = permissionsOf('+get ~a (+set ~b)');
    expect(permissions.check(access('set', Need.write), ['SET', 'a'])).toEqual({ kind: 'key', position: 1 });
    expect(permissions.check(access('set', Need.write), ['SET', 'b'])).toBeUndefined();
    expect(permissions.allows('get', 'b', Need.read)).toBe(false);
  });

  it('follow a catalog that grows, by categories and by +@all', () => {
    const catalog = new Growing();
    const [byCategory, all, some] = ['+@read ~*', '+@all -@dangerous ~*', '-@all +get ~*'].map((rules) =>
      permissionsOf(rules, catalog),
    );
    expect(byCategory?.allowsCommand('json.get')).toBe(false);
    catalog.learn('json.get', 'read');
    catalog.learn('json.debug', 'dangerous');
    expect([byCategory, all, some].map((each) => each?.allowsCommand('json.get'))).toEqual([true, true, false]);
    expect(all?.allowsCommand('json.debug')).toBe(false);
  });

  it('are refused to what nobody described, unless nothing is kept from the user', () => {
    const unknown = access('mystery', Need.none, { hidden: 'unknown' });
    for (const rules of ['+@all ~a &*', '+@all ~*', '+@all -@dangerous ~* &*', '+get ~* &*'])
      expect(permissionsOf(rules).check(unknown, ['MYSTERY'])).toBeDefined();
    expect(permissionsOf('+@all -get ~* &*').check(unknown, ['MYSTERY'])).toBeUndefined();
    // Known by name although the server has not told of it: the rules about it hold.
    const debug = access('debug', Need.none, { hidden: 'unknown' });
    expect(permissionsOf('+@all -debug ~* &*').check(debug, ['DEBUG'])).toBeDefined();
    const part = access('config', Need.none, { hidden: 'unknown' });
    expect(permissionsOf('+@all -config|set ~* &*').check(part, ['CONFIG', 'SET'])).toBeDefined();
  });

  it('are refused to scripts for everybody who may not do everything', () => {
    const script = access('eval', Need.both, { hidden: 'everything', keyUses: () => [] });
    expect(permissionsOf('+@all -debug ~* &*').check(script, ['EVAL'])).toEqual({ kind: 'command', position: 0 });
    expect(permissionsOf('+@all ~* &*').check(script, ['EVAL'])).toBeUndefined();
    expect(permissionsOf('+@all ~* &*').unrestricted).toBe(true);
  });

  it('take a pattern of channels only as it stands in the rules', () => {
    const permissions = permissionsOf('+@all ~* &news:*');
    expect(permissions.allowsChannel('news:1', false)).toBe(true);
    expect(permissions.allowsChannel('news:*', true)).toBe(true);
    expect(permissions.allowsChannel('news:1*', true)).toBe(false);
    expect(permissions.keepsListening(undefined)).toBe(false);
    expect(permissions.keepsListening(permissionsOf('+@all ~* &news:*'))).toBe(true);
    expect(permissionsOf('+@all ~* &other').keepsListening(permissions)).toBe(false);
  });
});

describe('an account', () => {
  it('is made again by the rules it is told by', () => {
    const context = { catalog: new Growing(), hashPassword: () => 'a'.repeat(64) };
    for (const rules of [
      'on >p ~a* %R~b %W~c &x +@all -@admin +config|get',
      'off nopass allkeys allchannels -@all +get|x (+get ~a &c) (%W~z)',
      'reset',
    ]) {
      const account = applyRules(newAccount, rules.split(' '), context);
      const told = describeAccount(account);
      expect(applyRules(newAccount, told.split(' '), context)).toEqual(account);
      expect(told).not.toContain('>');
    }
  });

  it('says nothing of a password in its errors', () => {
    const context = { catalog: new Growing(), hashPassword: (password: string) => password };
    expect(() => applyRules(newAccount, ['<hunter2'], context)).toThrow(/^(?!.*hunter2)/);
  });
});
