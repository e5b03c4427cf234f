/** A stack in a temporary folder of its own, for what needs one for a while: the demo, a drill, a benchmark. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStack, type Stack, type StackOptions } from './open-stack.ts';

export type TemporaryStack = Stack & { readonly folder: string };

export type TemporaryStackOptions = Pick<StackOptions, 'progress' | 'signal'> &
  Partial<
    Pick<
      StackOptions,
      'urls' | 'publishFolder' | 'redisPersistence' | 'redisFlavour' | 'serviceEnv' | 'through' | 'isForDrills'
    >
  > & {
    /** Names the folder: "morningai-<name>-…". */
    readonly name: string;
  };

/** Its folder is deleted with it. */
export async function openTemporaryStack({ name, ...options }: TemporaryStackOptions): Promise<TemporaryStack> {
  const folder = await mkdtemp(join(tmpdir(), `morningai-${name}-`));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const stack = await openStack({
      folder,
      publishFolder: join(folder, 'published'),
      ports: {},
      urls: {},
      apiKey: undefined,
      ...options,
    });
    return {
      ...stack,
      folder,
      async [Symbol.asyncDispose]() {
        await stack[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
