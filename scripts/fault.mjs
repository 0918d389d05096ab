/**
 * The fault harness.
 *
 *   npm run fault -- [--kills N] …         rows written behind: Sluice, its store and its database are killed (test/fault/write-behind/report.mjs)
 *   npm run fault -- store [--kills N] …   the embedded store: Sluice is killed (test/fault/report.mjs)
 */
import { pathToFileURL } from 'node:url';
import { at } from './lib/project.mjs';

const [node, , ...rest] = process.argv;
const isStore = rest[0] === 'store';
const file = at('test', 'fault', ...(isStore ? [] : ['write-behind']), 'report.mjs');
process.argv = [node, file, ...rest.slice(isStore ? 1 : 0)];
await import(pathToFileURL(file).href);
