// Who provides the components that were not given by URL.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend, Component, Provider } from './backend.ts';
import { TestbedError } from './errors.ts';
import type { OpenContext } from './open-context.ts';
import { openProcesses } from './processes/open-processes.ts';

type OwnProvider = Exclude<Provider, 'urls'>;

/** Second line of the file that says who has a kept folder's data: for whoever looks for it. */
const WHERE_DATA_IS: Readonly<Record<OwnProvider, string>> = {
  processes: 'The data lies in this folder: <component>/data.',
  containers: 'The data lies in Docker volumes labelled morningai.testbed.folder with the path of this folder.',
};

export async function openOwn(
  components: readonly Component[],
  chosen: OwnProvider | undefined,
  context: OpenContext,
): Promise<{ provider: Provider; backends: Backend[] }> {
  if (components.length === 0) return { provider: 'urls', backends: [] };
  const wanted = chosen ?? context.provider ?? keptProvider(context);
  const backends = wanted === 'processes' ? undefined : await openInEngine(components, wanted, context);
  const provider = backends ? 'containers' : 'processes';
  if (context.keepData) writeFileSync(providerFile(context), `${provider}\n${WHERE_DATA_IS[provider]}\n`);
  return { provider, backends: backends ?? (await openProcesses(components, context)) };
}

/** undefined when there is no engine or no image, and containers were not asked for. */
async function openInEngine(components: readonly Component[], wanted: OwnProvider | undefined, context: OpenContext) {
  if (!wanted && !context.mayHaveEngine) return undefined;
  // Half a second to load, and most machines that get here have no engine.
  const [{ findEngine }, { ensureImages }, { openContainers }] = await Promise.all([
    import('./containers/engine.ts'),
    import('./containers/images.ts'),
    import('./containers/open-containers.ts'),
  ]);
  const engine = await findEngine();
  if (!engine) {
    if (!wanted) return undefined;
    throw new TestbedError(
      'BACKENDS_UNAVAILABLE',
      'containers were asked for, but no Docker engine of this machine answers',
    );
  }
  let images: Map<Component, string>;
  try {
    const { images: chosen, redisFlavour: flavour, progress } = context;
    images = await ensureImages(engine, components, { chosen, flavour, progress });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    if (wanted) throw new TestbedError('BACKENDS_UNAVAILABLE', `the images are not there: ${why}`, { cause });
    context.progress(`a Docker engine answers, but ${why}; using processes`);
    return undefined;
  }
  return openContainers(engine, images, context);
}

/** A kept folder stays with the provider that has its data, also when a Docker engine has been installed since. */
function keptProvider(context: OpenContext): OwnProvider | undefined {
  if (!context.keepData || !existsSync(providerFile(context))) return undefined;
  const kept = readFileSync(providerFile(context), 'utf8').split('\n')[0];
  return kept === 'containers' || kept === 'processes' ? kept : undefined;
}

function providerFile(context: OpenContext): string {
  return join(context.dataFolder, 'provider');
}
