import { type CommandAccess, type KeyUse, Need } from '../guard/acl/permissions.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Command } from './command.ts';
import { keyFlagsOf } from './command-facts.ts';
import { needOf, sortPositions } from './key-specs.ts';

const noUses: readonly KeyUse[] = [];
/** In which words they have their channels. */
const channelsOf: ReadonlyMap<string, CommandAccess['channels']> = new Map([
  ['subscribe', { from: 1, one: false, patterns: false }],
  ['ssubscribe', { from: 1, one: false, patterns: false }],
  ['psubscribe', { from: 1, one: false, patterns: true }],
  ['publish', { from: 1, one: true, patterns: false }],
  ['spublish', { from: 1, one: true, patterns: false }],
]);

/** What the permissions of a user are asked about a command. */
export function accessOf(
  name: string,
  always: boolean,
  hidden: CommandAccess['hidden'],
  keyUses: CommandAccess['keyUses'],
): CommandAccess {
  return { name, always, hidden, channels: channelsOf.get(name), keyUses: usesThatDiffer.get(name) ?? keyUses };
}

/** The same for a command of Sluice's own table. @param positions of its keys */
export function accessOfRow(
  { name, flags }: Command,
  positions: (argv: readonly ByteString[]) => readonly number[],
): CommandAccess {
  const specs = keyFlagsOf(name);
  return accessOf(name, flags.includes('no_auth'), 'nothing', (argv) => {
    const found = positions(argv);
    if (found.length === 0) return noUses;
    // What no specification describes could be anything.
    if (specs.length === 0) return found.map((position) => ({ position, need: Need.both }));
    return specs.flatMap(([text, first, last, step]) => {
      const need = needOf(text.split(' '));
      const end = last < 0 ? argv.length + last : first + last;
      const uses: KeyUse[] = [];
      for (let position = first; position <= end && position < argv.length; position += step)
        uses.push({ position, need });
      return uses;
    });
  });
}

/** Commands whose words say what they do to their keys. */
const usesThatDiffer = new Map<string, CommandAccess['keyUses']>([
  ['set', (argv) => [{ position: 1, need: hasWord(argv, 3, ['get']) ? Need.both : Need.write }]],
  ['georadius', geoUses],
  ['georadiusbymember', geoUses],
  ['bitfield', (argv) => [{ position: 1, need: hasWord(argv, 2, ['set', 'incrby']) ? Need.both : Need.read }]],
  ['sort', (argv) => sortPositions(argv).map((position, i) => ({ position, need: i === 0 ? Need.read : Need.write }))],
]);

/** The last of several destinations is the one that counts to the server; its specifications describe the first. */
function geoUses(argv: readonly ByteString[]): KeyUse[] {
  const uses: KeyUse[] = [{ position: 1, need: Need.read }];
  for (let at = 5; at < argv.length - 1; at++)
    if (/^store(?:dist)?$/i.test(argv[at] as ByteString)) uses.push({ position: at + 1, need: Need.write });
  return uses;
}

function hasWord(argv: readonly ByteString[], from: number, words: readonly string[]): boolean {
  for (let i = from; i < argv.length; i++) if (words.includes((argv[i] as ByteString).toLowerCase())) return true;
  return false;
}
