/** An entity tag (RFC 9110 section 8.8.3): the text between the quotes. */
export interface EntityTag {
  readonly weak: boolean;
  readonly tag: string;
}

const one = /\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)/y;

/** The tags of If-Match or If-None-Match, `'*'`, or undefined when the field is malformed. */
export function parseEntityTags(field: string): readonly EntityTag[] | '*' | undefined {
  if (field.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  one.lastIndex = 0;
  while (one.lastIndex < field.length) {
    const match = one.exec(field);
    if (match === null) return undefined;
    tags.push({ weak: match[1] !== undefined, tag: match[2] as string });
  }
  return tags.length === 0 ? undefined : tags;
}

/** Weak comparison, for If-None-Match (RFC 9110 section 8.8.3.2). */
export function weaklyMatches(tags: readonly EntityTag[] | '*', tag: string): boolean {
  return tags === '*' || tags.some((candidate) => candidate.tag === tag);
}

/** The tags that can match strongly, for If-Match: a weak one never does. */
export function strongTags(tags: readonly EntityTag[]): string[] {
  return tags.filter((candidate) => !candidate.weak).map((candidate) => candidate.tag);
}
