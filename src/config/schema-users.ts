import { z } from 'zod';
import { parseSecret, type SecretHash, secretForm, tokenSecretForm } from './secret.ts';
import { nonEmpty, parsedText, settingRegistry } from './setting.ts';

const name = parsedText('a name of 1 to 128 letters, digits and -_.@', (text) =>
  /^[A-Za-z0-9_.@-]{1,128}$/.test(text) ? text : undefined,
);

const secret = hashedText(secretForm, (hash) => hash);
/** Each request is checked: that has to be quick. */
const tokenSecret = hashedText(tokenSecretForm, (hash) => (hash.kind === 'sha256' ? hash : undefined));

function hashedText<Hash>(form: string, accept: (hash: SecretHash) => Hash | undefined): z.ZodType<Hash, string> {
  return z.string({ error: () => `expected ${form}` }).transform((written, context) => {
    const parsed = parseSecret(written);
    const hash = parsed === undefined ? undefined : accept(parsed.hash);
    if (hash !== undefined) return hash;
    // The text is not repeated: it may be a secret with a typing error before it.
    context.issues.push({ code: 'custom', message: `expected ${form}`, input: '' });
    return z.NEVER;
  });
}

const flag = z.boolean({ error: () => 'expected true or false' }).prefault(false);

const user = z
  .strictObject({
    name,
    secret: secret.optional(),
    secrets: z.array(secret, { error: () => 'expected a list of secrets' }).optional(),
    acl: z
      .string({ error: () => 'expected rules such as "+@read ~user:*"' })
      // What is written here stands in files that people read; and the message of a wrong rule repeats it.
      .refine((rules) => !/(?:^|\s)[><]/.test(rules), { error: () => 'secrets belong into secret or secrets' })
      .optional(),
    namespaces: z
      .array(z.enum(['compat'], { error: () => 'expected compat' }), { error: () => 'expected a list of namespaces' })
      .prefault([]),
    admin: flag,
  })
  .superRefine((given, context) => {
    const isOne = (given.secret === undefined) !== (given.secrets === undefined);
    if (!isOne || given.secrets?.length === 0)
      context.addIssue({ code: 'custom', path: ['secret'], message: 'give either secret or secrets' });
  })
  .transform(({ secret: only, secrets = [], ...rest }) => ({
    ...rest,
    secrets: only === undefined ? secrets : [only],
  }));

const verb = z.enum(['read', 'write', 'delete', 'count'], { error: () => 'expected read, write, delete or count' });

const token = z
  .strictObject({
    name,
    secret: tokenSecret,
    user: name.optional(),
    keys: z
      .array(parsedText('a glob', nonEmpty), { error: () => 'expected a list of globs such as ["user:*"]' })
      .optional(),
    verbs: z.array(verb, { error: () => 'expected a list of read, write, delete, count' }).optional(),
    readOnly: flag,
    admin: flag,
  })
  .superRefine(({ user: owner, keys, verbs, readOnly }, context) => {
    if (owner !== undefined && (keys !== undefined || verbs !== undefined || readOnly))
      context.addIssue({
        code: 'custom',
        path: ['user'],
        message: 'a token of a user has its rights; leave out keys, verbs and readOnly',
      });
    if (readOnly && verbs !== undefined)
      context.addIssue({ code: 'custom', path: ['verbs'], message: 'give either verbs or readOnly' });
  });

interface Named {
  readonly name: string;
}

function requireNamesOnce(list: readonly Named[], context: z.core.$RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, entry] of list.entries()) {
    if (seen.has(entry.name))
      context.addIssue({ code: 'custom', path: [index, 'name'], message: 'the name is used twice' });
    seen.add(entry.name);
  }
}

/** Who may use the listeners. */
export const users = z
  .array(user, { error: () => 'expected a list of { name, secret }' })
  .superRefine(requireNamesOnce)
  .prefault([])
  .register(settingRegistry, {
    description:
      'Who may use the listeners: a list of `{ name, secret, acl, namespaces, admin }`. `secret` (or a list, `secrets`) is a `scrypt:` hash as ' +
      '`sluice hash-secret` prints it, `sha256:` with 64 hexadecimal digits, or the secret itself, which belongs into the environment (`"$' +
      '{NAME}"`). `acl` are rules as Redis has them, such as `"+@read ~user:*"`; without them the user may do everything. ' +
      'The user named `default` is the one of `AUTH secret` without a name. `namespaces: [compat]` grants the keys of the gateway ' +
      '(`apikey-…`, `orgkey.…`, `analytics-…` and their like). `admin: true` lets a user with rules use the listener for administration. ' +
      'Without users, tokens and `aclFile` no credentials are asked for, and only this machine is served.',
    form: 'a list of { name, secret }',
    kind: 'structure',
    reloadable: true,
    secret: true,
    defaultText: 'none',
  });

/** Tokens for HTTP. */
export const tokens = z
  .array(token, { error: () => 'expected a list of { name, secret, user }' })
  .superRefine(requireNamesOnce)
  .prefault([])
  .register(settingRegistry, {
    description:
      'Bearer tokens for HTTP: a list of `{ name, secret, user }`, with the rights of that user, or `{ name, secret, keys, verbs }`: globs of ' +
      'keys, and which of `read`, `write`, `delete`, `count`; all where they are left out. `readOnly: true` stands for `verbs: [read]`. ' +
      '`admin: true` lets it use the listener for administration. `secret` is `sha256:` with 64 hexadecimal digits or the token itself ' +
      '(`"$' +
      '{NAME}"`), long and random: it is not stretched.',
    form: 'a list of { name, secret, user }',
    kind: 'structure',
    reloadable: true,
    secret: true,
    defaultText: 'none',
  });

/** The file of users in the form of Redis. */
export const aclFile = parsedText('the path of a file', nonEmpty)
  .optional()
  .register(settingRegistry, {
    description:
      'File with further users as Redis writes it: lines `user NAME rules…`. It is read at the start, by `ACL LOAD` and when the configuration ' +
      'is reloaded, and written by `ACL SAVE`. A user is defined either there or in `users`.',
    form: 'the path of a file',
    kind: 'text',
    reloadable: false,
    isPath: true,
    defaultText: 'none',
  });
