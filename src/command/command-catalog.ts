import { categories as categoryNames } from '../guard/acl/catalog.ts';
import type { CommandList } from '../guard/credentials.ts';
import { aclCategoryTable } from './acl-categories.ts';
import { aclCategories } from './command-facts.ts';
import { commandTable } from './table.ts';

/** The commands that rules may name: those of Redis 7.0, Sluice's own, and those the server behind told of. */
export class Catalog implements CommandList {
  /** Categories by name. */
  readonly #commands = new Map<string, readonly string[]>();
  /** Those that this node answers. */
  readonly #answered = new Set<string>();
  readonly #subcommands = new Map<string, string[]>();
  #byCategory: ReadonlyMap<string, readonly string[]> | undefined;
  #version = 0;

  constructor() {
    for (const [categories, names] of aclCategoryTable)
      for (const name of names.split(' ')) this.#add(name, categories.split(' '));
    for (const row of commandTable) {
      for (const { name } of [row, ...(row.subcommands ?? [])]) this.#answered.add(name);
      for (const each of [row, ...(row.subcommands ?? [])])
        if (!this.#commands.has(each.name)) this.#add(each.name, aclCategories(each).map(withoutAt));
    }
    // Its subcommands are words, not commands of their own.
    this.#add('sluice', ['fast', 'connection']);
  }

  get version(): number {
    return this.#version;
  }

  has(name: string): boolean {
    return this.#commands.has(name);
  }

  subcommandsOf(name: string): readonly string[] {
    return this.#subcommands.get(name) ?? [];
  }

  inCategory(category: string): readonly string[] | undefined {
    this.#byCategory ??= this.#sort();
    return this.#byCategory.get(category);
  }

  /** What ACL CAT lists: the commands of a category that are answered here; undefined when there is no such category. */
  answeredIn(category: string): readonly string[] | undefined {
    return category === 'all' ? undefined : this.inCategory(category)?.filter((name) => this.#answered.has(name));
  }

  /** A command of the server behind. @param categories with or without `@`; none where it does not tell */
  learn(name: string, categories: readonly string[]): void {
    this.#answered.add(name);
    const known = categories.map(withoutAt);
    if (known.length > 0 || !this.#commands.has(name)) this.#add(name, known);
  }

  #add(name: string, categories: readonly string[]): void {
    const [container = name, subcommand] = name.split('|');
    if (subcommand !== undefined && !this.#commands.has(name)) {
      const others = this.#subcommands.get(container);
      if (others === undefined) this.#subcommands.set(container, [name]);
      else others.push(name);
    }
    this.#commands.set(name, categories);
    this.#byCategory = undefined;
    this.#version++;
  }

  #sort(): ReadonlyMap<string, readonly string[]> {
    const sorted = new Map<string, string[]>([['all', [...this.#commands.keys()]]]);
    for (const category of categoryNames) sorted.set(category, []);
    for (const [name, categories] of this.#commands) {
      // Modules of later servers bring categories of their own.
      for (const category of categories) {
        const names = sorted.get(category);
        if (names === undefined) sorted.set(category, [name]);
        else names.push(name);
      }
    }
    return sorted;
  }
}

function withoutAt(category: string): string {
  return category.replace(/^@/, '').toLowerCase();
}
