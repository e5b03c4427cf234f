import { readFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import process from 'node:process';

export type Machine = {
  readonly date: string;
  readonly processor: string;
  readonly memoryGib: number;
  readonly system: string;
  /** Over the minute before the run: above 0.3 somebody else was at work. */
  readonly loadBefore: number;
  readonly node: string;
  readonly libraries: Readonly<Record<string, string>>;
};

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    processor: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${platform()} ${release()}`,
    loadBefore: Number(loadavg()[0]?.toFixed(2)),
    node: process.version,
    libraries: Object.fromEntries(['bullmq', 'ioredis', 'pg'].map((name) => [name, versionOf(name)])),
  };
}

/** Not by `import`: not every package exports its package.json. */
function versionOf(library: string): string {
  const path = new URL(`../node_modules/${library}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
