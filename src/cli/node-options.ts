import { type Command, Option } from 'commander';

/** Options of commands that speak to a running node. */
export function addAdminOptions(command: Command): Command {
  return addCredentialOptions(
    command.option(
      '--admin <address>',
      'admin address of the running node (default: 127.0.0.1:8081; env: SLUICE_ADMIN)',
    ),
  );
}

/** Who asks, and over TLS or not. */
export function addCredentialOptions(command: Command): Command {
  return command
    .addOption(new Option('--user <name>', 'name of the user (env: SLUICE_USER)'))
    .addOption(
      new Option('--password-env <variable>', 'environment variable that holds the secret').default('SLUICE_PASSWORD'),
    )
    .addOption(new Option('--tls', 'speak TLS to the node'))
    .addOption(
      new Option('--ca <file>', 'PEM file with the authority that signed the certificate of the node (with --tls)'),
    );
}
