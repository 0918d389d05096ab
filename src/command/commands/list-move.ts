import type { ByteString } from '../../kernel/bytes.ts';
import type { Client } from '../client.ts';
import { syntaxError } from '../command-error.ts';

/** One end of a list. */
export type End = 'left' | 'right';

/** @throws CommandError "syntax error" */
export function requireEnd(text: ByteString): End {
  const end = text.toLowerCase();
  if (end !== 'left' && end !== 'right') throw syntaxError();
  return end;
}

/** Takes one element off an end; undefined when there is no such list. @throws SluiceError WRONG_TYPE */
export function pop(client: Client, key: ByteString, end: End): ByteString | undefined {
  const { lists } = client.keyspace(key);
  return end === 'left' ? lists.popLeft(key) : lists.popRight(key);
}

/** From which end of which list to which end of which. */
export interface Move {
  readonly source: ByteString;
  readonly destination: ByteString;
  readonly from: End;
  readonly to: End;
}

/** @returns the element, or undefined when the source has none. @throws SluiceError WRONG_TYPE */
export function move(client: Client, { source, destination, from, to }: Move): ByteString | undefined {
  const list = client.keyspace(source).lists.read(source);
  if (list === undefined) return undefined;
  const element = list.at(from === 'left' ? 0 : list.length - 1) as ByteString;
  const { lists } = client.keyspace(destination);
  // Pushed first, as the push may be refused. With one and the same list this also keeps the key, and its expiry, when the list
  // has a single element; at one and the same end the pop takes back what was pushed, which is the same.
  if (to === 'left') lists.pushLeft(destination, element);
  else lists.pushRight(destination, element);
  pop(client, source, from);
  return element;
}
