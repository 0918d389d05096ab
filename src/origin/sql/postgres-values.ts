import { JsonText, type SqlCell } from './database.ts';
import { jsonOf } from './row-value.ts';

type Reader = (text: string) => SqlCell;

const timestamp = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?$/;

/** ISO 8601. `infinity` and years before Christ, which it does not have, stay as they are. */
const readTimestamp: Reader = (text) => {
  const [, date, time, zone] = timestamp.exec(text) ?? [];
  return date === undefined ? text : `${date}T${time}${zone === undefined ? '' : 'Z'}`;
};
const readJson: Reader = (text) => new JsonText(text);
const readBytes: Reader = (text) => (text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : text);
const readText: Reader = (text) => text;

/** Types by their OID (pg_type.dat) and that of their arrays. All others are text. */
const types: readonly (readonly [oid: number, arrayOid: number, Reader])[] = [
  [16, 1000, (text) => text === 't'], // bool
  [17, 1001, readBytes], // bytea
  [20, 1016, BigInt], // int8
  [21, 1005, Number], // int2
  [23, 1007, Number], // int4
  [26, 1028, Number], // oid
  [114, 199, readJson], // json
  [700, 1021, Number], // float4
  [701, 1022, Number], // float8
  [1114, 1115, readTimestamp], // timestamp
  [1184, 1185, readTimestamp], // timestamptz
  [3802, 3807, readJson], // jsonb
  // Text, so that their arrays are arrays.
  [25, 1009, readText], // text
  [1042, 1014, readText], // bpchar
  [1043, 1015, readText], // varchar
  [1082, 1182, readText], // date
  [1083, 1183, readText], // time
  [1186, 1187, readText], // interval
  [1266, 1270, readText], // timetz
  [1700, 1231, readText], // numeric
  [2950, 2951, readText], // uuid
];
const readers: ReadonlyMap<number, Reader> = new Map(types.map(([oid, , read]) => [oid, read]));
const elementReaders: ReadonlyMap<number, Reader> = new Map(types.map(([, oid, read]) => [oid, read]));

/** A value in text format as the type of its column says. */
export function postgresCell(oid: number, text: string): SqlCell {
  const element = elementReaders.get(oid);
  if (element !== undefined) return arrayAsJson(text, element) ?? text;
  return (readers.get(oid) ?? readText)(text);
}

/**
 * A PostgreSQL array (8.15.6 of its manual) as JSON.
 * @returns undefined for one whose bounds do not begin at 1: JSON has no such arrays
 */
function arrayAsJson(text: string, read: Reader): JsonText | undefined {
  if (!text.startsWith('{')) return undefined;
  let json = '';
  for (let at = 0; at < text.length; ) {
    const char = text[at] as string;
    if (char === '{' || char === '}') json += char === '{' ? '[' : ']';
    if (char === ',') json += ',';
    if (char === '{' || char === '}' || char === ',') {
      at++;
      continue;
    }
    const end = char === '"' ? endOfQuoted(text, at) : endOfPlain(text, at);
    const raw = text.slice(at, end);
    if (char === '"') json += jsonOf(read(raw.slice(1, -1).replace(/\\(.)/gs, '$1')));
    else json += raw === 'NULL' ? 'null' : jsonOf(read(raw));
    at = end;
  }
  return new JsonText(json);
}

function endOfQuoted(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfPlain(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
  return at;
}
