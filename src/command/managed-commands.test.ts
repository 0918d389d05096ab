import { describe, expect, it } from 'vitest';
import { managedCommand, managedCommands } from './managed-commands.ts';
import { commandNamed } from './table.ts';

describe('the table of managed commands', () => {
  it.each(Object.entries(managedCommands))(
    '%s is a command with keys, and only purging changes anything',
    (name, row) => {
      const command = commandNamed(name);
      expect(command?.row.keys).toBeDefined();
      expect(command?.writes).toBe(row.does === 'purge');
      expect(managedCommand(name)).toBe(row);
    },
  );

  it('has no command that would change or show what the origin decides', () => {
    for (const name of ['append', 'set', 'rename', 'expire', 'getset', 'eval', 'evalsha', 'watch', 'object', 'copy'])
      expect(managedCommand(name)).toBeUndefined();
  });
});
