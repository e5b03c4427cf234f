/** `.morningai/stack.json`: where a running stack is, for the command line and for any script that wants to hurt a component. */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const processEntry = z.union([z.object({ pid: z.number() }), z.object({ containerId: z.string() })]);

const stackFile = z.object({
  ingestUrl: z.string(),
  healthUrl: z.string(),
  apiKey: z.string(),
  databaseUrl: z.string(),
  redisUrl: z.string(),
  natsUrl: z.string(),
  /** For workers of your own: host:port. */
  orchestratorAddress: z.string(),
  /** The socket at which the process that runs the stack takes orders; only its owner may. */
  control: z.string().optional(),
  /** Whoever started it has said that drills may hurt it. */
  isForDrills: z.boolean().optional(),
  processes: z.record(z.string(), processEntry),
});

export type StackFile = z.infer<typeof stackFile>;

const NAME = 'stack.json';

/** Atomic, and for the owner's eyes only: it has the key. */
export async function writeStackFile(folder: string, stack: StackFile): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, NAME);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(stack, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}

/** Null: no stack was started there, or it has ended. */
export async function readStackFile(folder: string): Promise<StackFile | null> {
  const text = await readFile(join(folder, NAME), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : stackFile.parse(JSON.parse(text));
}

export async function removeStackFile(folder: string): Promise<void> {
  await rm(join(folder, NAME), { force: true });
}
