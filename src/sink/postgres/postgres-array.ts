/** What an array has without quotes, in any place of it. */
const plain = /^[\w.:+-]+$/;
const nothing = /^null$/i;

/**
 * An array of text as PostgreSQL reads it (8.15.6, array input). The package `pg` makes the same of an array, several times slower: it
 * takes more time than the statement.
 * @param ofItem what is put in for an item
 * @param textOf of a value that is not of plain ASCII characters; makes such text of it
 */
export function arrayText<T>(
  items: readonly T[],
  ofItem: (item: T) => string | number | null,
  textOf: (value: string) => string = (value) => value,
): string {
  let text = '';
  for (const item of items) {
    const value = ofItem(item);
    if (text !== '') text += ',';
    if (value === null) text += 'NULL';
    else if (typeof value === 'number' || (plain.test(value) && !(value.length === 4 && nothing.test(value))))
      text += value;
    else text += `"${textOf(value).replace(/["\\]/g, '\\$&')}"`;
  }
  return `{${text}}`;
}
