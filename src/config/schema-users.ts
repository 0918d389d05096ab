import { z } from 'zod';
import { parseSecret, secretForm } from './secret.ts';
import { parsedText, settingRegistry } from './setting.ts';

const user = z.strictObject({
  name: parsedText('a name of 1 to 128 letters, digits and -_.@', (text) =>
    /^[A-Za-z0-9_.@-]{1,128}$/.test(text) ? text : undefined,
  ),
  secret: z.string({ error: () => `expected ${secretForm}` }).transform((written, context) => {
    const secret = parseSecret(written);
    if (secret !== undefined) return secret.hash;
    // The text is not repeated: it may be a secret with a typing error before it.
    context.issues.push({ code: 'custom', message: `expected ${secretForm}`, input: '' });
    return z.NEVER;
  }),
  namespaces: z
    .array(z.enum(['compat'], { error: () => 'expected compat' }), { error: () => 'expected a list of namespaces' })
    .prefault([]),
});

/** Who may use the listeners. */
export const users = z
  .array(user, { error: () => 'expected a list of { name, secret }' })
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: 'the name is used twice' });
      seen.add(name);
    }
  })
  .prefault([])
  .register(settingRegistry, {
    description:
      'Who may use the listeners: a list of `{ name, secret, namespaces }`. `secret` is a `scrypt:` hash as `sluice hash-secret` prints it, ' +
      '`sha256:` with 64 hexadecimal digits, or the secret itself, which belongs into the environment (`"$' +
      '{NAME}"`). ' +
      'The user named `default` is the one of `AUTH secret` without a name. `namespaces: [compat]` grants the keys of the gateway ' +
      '(`apikey-…`, `orgkey.…`, `analytics-…` and their like). Without users no credentials are asked for, and only this machine is served.',
    form: 'a list of { name, secret }',
    kind: 'structure',
    reloadable: true,
    secret: true,
    defaultText: 'none',
  });
