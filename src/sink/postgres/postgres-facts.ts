import type { ClientBase } from 'pg';
import { parseTableName, quoteName } from '../table-name.ts';

export interface PostgresColumn {
  readonly name: string;
  /** The type, of a domain the one below it, as a cast without a length spells it: casts to `varchar(5)` cut silently. */
  readonly type: string;
  readonly generated: 'no' | 'stored' | 'virtual' | 'identity';
  /** An insert has to give a value. */
  readonly isRequired: boolean;
  /** NOT NULL can be taken from it. */
  readonly canBeNull: boolean;
}

/** What a table is like at this moment, for who asks. */
export interface PostgresTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'other';
  readonly columns: ReadonlyMap<string, PostgresColumn>;
  /** Columns of each unique index that an upsert can name, sorted. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Rights that are missing, such as INSERT. */
  readonly missingRights: readonly string[];
  /** The right to anything in its schema. */
  readonly hasUsage: boolean;
  readonly user: string;
  readonly isReadOnly: boolean;
}

const columnsSql = `
  SELECT coalesce(json_agg(json_build_object(
    'name', a.attname,
    'type', format_type(base.oid, -1),
    'generated', CASE
      WHEN a.attgenerated = 's' THEN 'stored' WHEN a.attgenerated <> '' THEN 'virtual' WHEN a.attidentity = 'a' THEN 'identity'
      ELSE 'no' END,
    'isRequired', (a.attnotnull OR base.is_not_null) AND NOT (a.atthasdef OR a.attidentity <> '' OR base.has_default),
    'canBeNull', NOT base.is_not_null AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_index p WHERE p.indrelid = c.oid AND p.indisprimary AND a.attnum = ANY (p.indkey::int2[]))
  )), '[]')
  FROM pg_catalog.pg_attribute a
  CROSS JOIN LATERAL (
    WITH RECURSIVE down AS (
      SELECT t.oid, t.typtype, t.typbasetype, t.typnotnull, t.typdefault FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
      UNION ALL
      SELECT t.oid, t.typtype, t.typbasetype, t.typnotnull, t.typdefault
      FROM down JOIN pg_catalog.pg_type t ON down.typtype = 'd' AND t.oid = down.typbasetype
    )
    SELECT max(oid) FILTER (WHERE typtype <> 'd') AS oid, bool_or(typnotnull) AS is_not_null,
      bool_or(typdefault IS NOT NULL) AS has_default
    FROM down
  ) base
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

/** Of the whole table, without expressions, and checked at once: no other can be the target of ON CONFLICT. */
const uniqueKeysSql = `
  SELECT coalesce(json_agg(keys.names), '[]') FROM (
    SELECT (
      SELECT json_agg(a.attname) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS part (num, at)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = part.num
      WHERE part.at <= i.indnkeyatts
    ) AS names
    FROM pg_catalog.pg_index i
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
  ) keys`;

const tableSql = `
  SELECT n.nspname::text AS schema, c.relname::text AS name,
    CASE WHEN c.relkind IN ('r', 'p') THEN 'table' ELSE 'other' END AS kind,
    (${columnsSql}) AS columns,
    (${uniqueKeysSql}) AS "uniqueKeys",
    array(
      SELECT right_name FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS right_name
      WHERE NOT CASE right_name WHEN 'DELETE' THEN has_table_privilege(c.oid, right_name)
        ELSE has_any_column_privilege(c.oid, right_name) END
    ) AS "missingRights",
    has_schema_privilege(n.oid, 'USAGE') AS "hasUsage",
    current_user::text AS "user",
    current_setting('transaction_read_only') = 'on' AS "isReadOnly"
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = $1::text::name AND c.relname::text = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname::text = $2 END`;

/** Reads it from the catalogs; undefined when there is no such table. Names are compared as they are, never cut to 63 bytes. */
export async function readTable(client: ClientBase, table: string): Promise<PostgresTable | undefined> {
  const { schema, name } = parseTableName(table);
  // A NUL cannot even be asked for.
  quoteName(name);
  if (schema !== undefined) quoteName(schema);
  const { rows } = await client.query(tableSql, [name, schema ?? null]);
  const [found] = rows as readonly (Omit<PostgresTable, 'columns'> & { readonly columns: readonly PostgresColumn[] })[];
  if (found === undefined) return undefined;
  return {
    ...found,
    uniqueKeys: found.uniqueKeys.map((columns) => [...columns].sort()),
    columns: new Map(found.columns.map((column) => [column.name, column])),
  };
}

/** The table's name as a statement has it. */
export function targetOf({ schema, name }: { readonly schema: string | undefined; readonly name: string }): string {
  return schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
}
