import { type ErrorCode, SluiceError } from '../errors.ts';

/** Where the value of a setting was written. */
export type SettingSource =
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'code' }
  | { readonly kind: 'default' };

/** One thing that is wrong, or doubtful, in a configuration. */
export interface ConfigFinding {
  /** The dotted path of the setting; empty when it is about the whole. */
  readonly path: string;
  /** What is wrong and what is expected; never holds a secret. */
  readonly message: string;
  readonly source: SettingSource;
  /** @default CONFIG_INVALID */
  readonly code?: ErrorCode;
  /** What kind of finding it is, where others ask for it. */
  readonly topic?: 'plain-secret';
}

/** One line: where, which setting, what. */
export function formatFinding(finding: ConfigFinding): string {
  const where = formatSource(finding.source);
  // A flag or variable names its setting already, unless the finding is about a part of it.
  const named = finding.source.kind === 'flag' || finding.source.kind === 'environment';
  const path = named && !finding.path.includes('[') ? '' : finding.path;
  return [where, path, finding.message].filter((part) => part !== '').join(': ');
}

/** `sluice.yaml:3:5`, `SLUICE_HTTP`, `--http`; empty for code and defaults. */
export function formatSource(source: SettingSource): string {
  switch (source.kind) {
    case 'file':
      return `${source.file}:${source.line}:${source.column}`;
    case 'flag':
    case 'environment':
      return source.name;
    default:
      return '';
  }
}

/**
 * The error of a refused configuration; its message has one line for each finding, its details hold them as `findings`.
 * When all findings share a code other than CONFIG_INVALID (an insecure address, a store of another version) the error has that code.
 */
export function configError(findings: readonly ConfigFinding[]): SluiceError {
  const codes = new Set(findings.map((finding) => finding.code ?? 'CONFIG_INVALID'));
  const [only = 'CONFIG_INVALID'] = codes;
  return new SluiceError(codes.size === 1 ? only : 'CONFIG_INVALID', findings.map(formatFinding).join('\n'), {
    details: { findings },
  });
}
