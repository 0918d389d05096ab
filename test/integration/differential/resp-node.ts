/** A reply as a tree that keeps the exact text of every part. */
export interface RespNode {
  /** The first byte: `+ - : $ * _ # , ( = ! % ~ > |`. */
  readonly type: string;
  /** What follows the type on its line (for `$`, `=` and `!` the bytes themselves). */
  readonly text: string;
  /** Elements of an aggregate; of a map, keys and values in turn. */
  readonly items?: readonly RespNode[];
}

/** One whole reply. */
export function parseReply(bytes: string): RespNode {
  const [node, end] = parseAt(bytes, 0);
  if (end !== bytes.length) throw new Error(`more than one reply: ${JSON.stringify(bytes)}`);
  return node;
}

export function writeReply(node: RespNode): string {
  if (node.items === undefined) return `${node.type}${node.text}\r\n`;
  return `${node.type}${node.text}\r\n${node.items.map(writeReply).join('')}`;
}

/** The bytes of a bulk string. */
export const contents = ({ text }: RespNode): string => text.slice(text.indexOf('\r\n') + 2);

export const isError = (node: RespNode): boolean => node.type === '-' || node.type === '!';

export const isNil = (node: RespNode): boolean => node.type === '_' || ('$*'.includes(node.type) && node.text === '-1');

function parseAt(bytes: string, start: number): [RespNode, number] {
  const lineEnd = bytes.indexOf('\r\n', start);
  const type = bytes[start] ?? '';
  const line = bytes.slice(start + 1, lineEnd);
  const after = lineEnd + 2;
  if ('$=!'.includes(type) && line !== '-1') {
    const end = after + Number(line) + 2;
    return [{ type, text: `${line}\r\n${bytes.slice(after, end - 2)}` }, end];
  }
  if (!'*~>%|'.includes(type) || line === '-1') return [{ type, text: line }, after];
  const items: RespNode[] = [];
  let position = after;
  for (let left = Number(line) * ('%|'.includes(type) ? 2 : 1); left > 0; left--) {
    const [item, end] = parseAt(bytes, position);
    items.push(item);
    position = end;
  }
  return [{ type, text: line, items }, position];
}
