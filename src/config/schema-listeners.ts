import { z } from 'zod';
import { addressForm, parseAddress } from './address.ts';
import { flagSetting, nonEmpty, parsedText, settingRegistry, textSetting } from './setting.ts';

const listenerTls = z.strictObject({
  cert: parsedText('the path of a PEM file', nonEmpty).register(settingRegistry, {
    description: 'PEM file with the certificate of the listener and its chain.',
    form: 'the path of a PEM file',
    kind: 'text',
    reloadable: false,
    isPath: true,
  }),
  key: parsedText('the path of a PEM file', nonEmpty).register(settingRegistry, {
    description: 'PEM file with the private key of that certificate.',
    form: 'the path of a PEM file',
    kind: 'text',
    reloadable: false,
    isPath: true,
  }),
  ca: parsedText('the path of a PEM file', nonEmpty).optional().register(settingRegistry, {
    description: 'PEM file with the authorities that sign client certificates.',
    form: 'the path of a PEM file',
    kind: 'text',
    reloadable: false,
    isPath: true,
    defaultText: 'the authorities of Node',
  }),
  requestClientCert: flagSetting(false, {
    description: 'Accept only clients with a certificate signed by `ca`.',
  }),
});

/** The section of one listener: its address alone, or `{ address, tls }`; undefined when it is `off`. */
export function listener(defaultAddress: string, what: string) {
  return z
    .strictObject({
      address: textSetting(
        defaultAddress,
        {
          description: `${what} \`off\`: not started. Without \`users\` only loopback addresses are accepted.`,
          form: addressForm,
          isShortForm: true,
        },
        parseAddress,
      ),
      tls: listenerTls.optional(),
    })
    .prefault({})
    .transform(({ address, tls }) => (address === 'off' ? undefined : { address, tls }));
}
