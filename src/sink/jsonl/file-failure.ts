import { SinkFailure } from '../sink.ts';

/** What somebody has to mend (errno(3)), in words; all else passes by itself, such as a full disk. */
const lasting: Readonly<Record<string, string>> = {
  EACCES: 'there is no permission to write to it',
  EPERM: 'there is no permission to write to it',
  EROFS: 'its file system is read-only',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'its folder is not there',
  EISDIR: 'it is a folder',
  ELOOP: 'there are too many links on the way to it',
  ENAMETOOLONG: 'its name is too long',
  EFBIG: 'it is larger than files may be; move it away',
};

const passing: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EIO: 'the disk failed',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** What an error of the file system asks for. */
export function failureOfFile(error: unknown): SinkFailure {
  if (error instanceof SinkFailure) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  const problem = lasting[code];
  if (problem !== undefined) return new SinkFailure('schema', `${problem} (${code})`);
  const trouble = passing[code];
  return new SinkFailure(
    'transient',
    trouble === undefined ? `it cannot be written to: ${code}` : `${trouble} (${code})`,
  );
}
