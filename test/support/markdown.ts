/** A fenced code block of a Markdown page. */
export interface CodeBlock {
  /** The word after the fence; '' when there is none. */
  readonly language: string;
  /** The lines between the fences, each with its line feed. */
  readonly text: string;
}

/** The fenced code blocks of a page, in order. */
export function codeBlocks(page: string): CodeBlock[] {
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({ language, text }));
}

/** A page without its code blocks: what is read as prose, links included. */
export function withoutCode(page: string): string {
  return page.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
}
