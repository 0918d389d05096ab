/** A refusal in the words clients match on: the message is the whole error reply, first word included (`ERR syntax error`). */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

export const syntaxError = (): CommandError => new CommandError('ERR syntax error');
export const notAnInteger = (): CommandError => new CommandError('ERR value is not an integer or out of range');
export const notAFloat = (): CommandError => new CommandError('ERR value is not a valid float');
export const noSuchKey = (): CommandError => new CommandError('ERR no such key');
export const wrongArity = (name: string): CommandError =>
  new CommandError(`ERR wrong number of arguments for '${name}' command`);
