import { join } from 'node:path';
import { npm } from './npm.mjs';
import { root } from './project.mjs';

/** Packs the project into `folder` as `npm publish` would. Returns the archive's path and the names of the files in it. */
export function pack(folder) {
  const { status, stdout, stderr, error } = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const [result] = Object.values(JSON.parse(stdout));
  return { tarball: join(folder, result.filename), files: result.files.map(({ path }) => path) };
}
