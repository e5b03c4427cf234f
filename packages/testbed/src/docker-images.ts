/**
 * Prepares Docker on a bare Debian machine where nothing can be pulled (CI): `node src/docker-images.ts` installs and
 * starts an engine if none answers, makes one image from the same Debian root that the processes run from, and prints
 * the environment that makes the testbed use it. With `--stop` it stops the engine it started. May be run again.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from './config.ts';
import { IMPORTED } from './containers/images.ts';
import { ensureEngine, stopEngine } from './docker/dockerd.ts';
import { ensureImportedImage } from './docker/import-image.ts';
import { lock } from './kernel-lock.ts';
import { ensureDebianRoot } from './processes/debian-root.ts';
import { whyNotFetch } from './processes/fetch-debian-root.ts';
import { openRun } from './run.ts';

const { values } = parseArgs({ options: { stop: { type: 'boolean', default: false } } });
const config = readConfig();
const record = join(config.cacheFolders[0], 'dockerd.json');
const progress = (line: string) => process.stderr.write(`images: ${line}\n`);

if (values.stop) {
  progress((await stopEngine(record)) ? 'stopped dockerd' : 'no dockerd of ours runs');
} else {
  const held = await lock(`images ${record}`);
  const engine = await ensureEngine(record, progress);
  const image = await ensureImportedImage(engine, { ...IMPORTED, root: fetchRoot, progress });
  for (const component of ['POSTGRES', 'REDIS', 'NATS']) process.stdout.write(`TESTBED_${component}_IMAGE=${image}\n`);
  held.release();
}

async function fetchRoot(): Promise<string> {
  const run = openRun();
  try {
    const { cacheFolders } = config;
    const folder = await ensureDebianRoot({ cacheFolders, run, progress, signal: undefined, whyNot: whyNotFetch() });
    return join(folder, 'root');
  } finally {
    await run.close();
  }
}
