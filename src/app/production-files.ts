import type { LoadedConfig } from '../config/load.ts';
import { listenerNames } from '../config/schema.ts';
import { isRemote } from '../config/store-url.ts';
import { certificateWarningMs, readPair } from './certificates.ts';
import type { OpenPoint, ProductionFacts } from './open-point.ts';

/** Others may read, write or use it. */
const OTHERS = 0o007;
/** The group may write it. */
const GROUP_WRITES = 0o020;
const GROUP_OR_OTHERS = 0o077;

/** What files leave open: who may read them, certificates, the data folder. */
export async function filePoints(loaded: LoadedConfig, facts: ProductionFacts): Promise<OpenPoint[]> {
  const points: OpenPoint[] = [];
  const { value: config, files } = loaded;
  const { aclFile, store, upstream, data } = config;
  const tls = listenerNames.flatMap((name) => config[name]?.tls ?? []);
  const keys = [...tls.map(({ key }) => key), isRemote(store) && store.tls ? upstream.tls.key : undefined];
  const secret = [...files, aclFile, ...keys, config.log.access.file, config.log.audit.file];
  for (const path of new Set(secret.filter((file) => file !== undefined))) {
    const mode = (await facts.fileFacts(path))?.mode;
    if (mode === undefined || (mode & (OTHERS | GROUP_WRITES)) === 0) continue;
    const who = (mode & OTHERS) === 0 ? 'all of its group may write it' : 'every user of the machine may use it';
    points.push({ about: 'file-mode', message: `${path} has mode ${octal(mode)}: ${who}`, mend: `chmod 640 ${path}` });
  }
  points.push(...(await certificatePoints(loaded, facts)));
  const folder = store === 'embedded' ? await facts.fileFacts(data) : undefined;
  if (folder !== undefined && (folder.mode & GROUP_OR_OTHERS) !== 0) {
    points.push({
      about: 'data-folder',
      message: `${data} has mode ${octal(folder.mode)}: others than its owner may look into it`,
      mend: `chmod 700 ${data}`,
    });
  }
  if (folder !== undefined && facts.uid !== undefined && facts.uid !== 0 && folder.uid !== facts.uid) {
    points.push({
      about: 'data-owner',
      message: `${data} belongs to the user ${folder.uid}, and this one is ${facts.uid}`,
      mend: `run as the user of the node, or chown -R it to that user`,
    });
  }
  return points;
}

async function certificatePoints({ value: config }: LoadedConfig, { now }: ProductionFacts): Promise<OpenPoint[]> {
  const points: OpenPoint[] = [];
  for (const name of listenerNames) {
    const tls = config[name]?.tls;
    if (tls === undefined) continue;
    const mend = `a new pair in ${name}.tls.cert and ${name}.tls.key; a running node takes it by itself`;
    try {
      const { endsAt } = await readPair(name, tls);
      if (endsAt - now > certificateWarningMs) continue;
      const verb = endsAt > now ? 'ends' : 'ended';
      points.push({
        about: 'certificate',
        message: `the certificate of ${name} (${tls.cert}) ${verb} ${new Date(endsAt).toISOString()}`,
        mend,
      });
    } catch (error) {
      points.push({ about: 'certificate', message: (error as Error).message, mend });
    }
  }
  return points;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}
