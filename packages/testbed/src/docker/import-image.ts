import { spawn } from 'node:child_process';
import { ImageName } from 'testcontainers';
import type { Engine } from '../containers/engine.ts';
import { TestbedError } from '../errors.ts';

/** Makes an image of one layer from a folder, unless it is there. One image serves all three components. */
export async function ensureImportedImage(
  engine: Engine,
  options: { repository: string; tag: string; root: () => Promise<string>; progress: (line: string) => void },
): Promise<string> {
  const { repository, tag } = options;
  const image = `${repository}:${tag}`;
  if (await engine.image.exists(ImageName.fromString(image))) return image;
  const root = await options.root();
  options.progress(`importing ${image} …`);
  const tar = spawn('tar', ['--create', '--numeric-owner', '--directory', root, '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { dockerode } = engine.container;
  const answers = await dockerode.importImage(tar.stdout, { repo: repository, tag });
  await new Promise<void>((resolve, reject) => {
    dockerode.modem.followProgress(answers, (error) => (error ? reject(error) : resolve()));
  });
  if (!(await engine.image.exists(ImageName.fromString(image)))) {
    throw new TestbedError('FETCH_FAILED', `the engine did not keep ${image}`);
  }
  return image;
}
