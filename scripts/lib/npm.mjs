import { spawnSync } from 'node:child_process';

/** Runs npm and waits: the npm that started us, else the one on the PATH. Answers as `spawnSync` does. */
export function npm(args, options) {
  const cli = process.env['npm_execpath'];
  if (cli?.endsWith('npm-cli.js')) return spawnSync(process.execPath, [cli, ...args], options);
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}
