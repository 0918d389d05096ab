import { describe, expect, test } from 'vitest';
import type { SqlDialect } from './database.ts';
import { parseSqlTemplate } from './sql-template.ts';

const parse = (sql: string, dialect: SqlDialect = 'postgres', names: readonly string[] = ['1', 'name']) =>
  parseSqlTemplate(sql, dialect, names);

describe('a query with placeholders', () => {
  test('gives each a parameter of its own, in the way of the database', () => {
    const sql = 'select * from t where a = {1} and (b = {name} or c = {1}) and k = {key};';
    const parameters = ['1', 'name', '1', 'key'];
    expect(parse(sql)).toEqual({
      text: 'select * from t where a = $1 and (b = $2 or c = $3) and k = $4',
      parameters,
    });
    for (const dialect of ['mysql', 'sqlite'] as const)
      expect(parse(sql, dialect)).toEqual({
        text: 'select * from t where a = ? and (b = ? or c = ?) and k = ?',
        parameters,
      });
  });

  test('keeps strings, quoted names, comments and braces in them as they are', () => {
    for (const sql of [
      `select '{"a": {}}', "odd {x}", a{1}`.replace('a{1}', '1'),
      "select 'it''s', E'a\\'b', '\\', $$ ' {a} $$, $x$ $$ $x$ -- {a} '",
      '/* a /* {b} */ c */ select 1',
      "select a->>'b', c ? 'd', e::int, f[1] from t",
    ])
      expect(parse(sql)).toEqual({ text: sql, parameters: [] });
    for (const sql of ["select 'a\\'b {x}', `c {d}`, 1--1 # {e}", "select @x, ':name'"])
      expect(parse(sql, 'mysql')).toEqual({ text: sql, parameters: [] });
    for (const sql of ["select '\\', [a {b}], x'00' -- ?"])
      expect(parse(sql, 'sqlite')).toEqual({ text: sql, parameters: [] });
  });

  test.each<[string, string, SqlDialect?]>([
    ["select * from t where a = '{1}'", '{1} stands in a quoted string'],
    ["select * from t where a like '%{name}%'", '{name} stands in a quoted string'],
    ['select "{1}" from t', '{1} stands in a quoted string'],
    ['select $a$ {key} $a$', '{key} stands in a quoted string'],
    ['select 1 -- {1}', '{1} stands in a comment'],
    ['select 1 /* {1} */', '{1} stands in a comment'],
    ['select 1 # {1}', '{1} stands in a comment', 'mysql'],
    ["select 'a\\' {1}'", '{1} stands in a quoted string', 'mysql'],
    ['select [{1}]', '{1} stands in a quoted name', 'sqlite'],
    ['select * from t where a = {2}', '{2} is captured by nothing; there is {1}, {name}, {key}'],
    ['select { 1 }', 'the { at character 8 begins no placeholder'],
    ['select * from t_{1}', '{1} is joined to a word'],
    ['select {1}2', '{1} is joined to a word'],
    ['select 1; drop table t', 'there is more than one statement'],
    ['select $1', 'would be a parameter'],
    ['select ?', 'would be a parameter', 'mysql'],
    ['select ?', 'would be a parameter', 'sqlite'],
    ['select :a', 'would be a parameter', 'sqlite'],
    ["select 'a", 'has no end'],
    ['select /* a', 'has no end'],
    [' ; ', 'there is no statement'],
  ])('%s is refused', (sql, problem, dialect) => {
    expect(parse(sql, dialect)).toEqual({ problem: expect.stringContaining(problem) });
  });
});
