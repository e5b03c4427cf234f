// A Docker engine for a machine that has none: Debian's own package, started by us and stopped by the pid we noted.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Engine, findEngine } from '../containers/engine.ts';
import { TestbedError } from '../errors.ts';
import { eventually } from '../eventually.ts';
import { type ProcessIdentity, identityOf, isAlive, signal } from '../process-table.ts';
import { whyNotFetch } from '../processes/fetch-debian-root.ts';
import { installPackages } from '../processes/install-packages.ts';

const DOCKERD = '/usr/sbin/dockerd';
const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 30_000;

/** The engine that answers, or the one we start. `record` is the file that names ours. */
export async function ensureEngine(record: string, progress: (line: string) => void): Promise<Engine> {
  const running = await findEngine();
  if (running) return running;
  if (!existsSync(DOCKERD)) {
    const why = whyNotFetch();
    if (why)
      throw new TestbedError('BACKENDS_UNAVAILABLE', `no Docker engine answers, and none can be installed: ${why}`);
    progress('installing docker.io …');
    await installPackages(['docker.io']);
    // Where services are managed, installing it has started it.
    const installed = await findEngine();
    if (installed) return installed;
  }
  progress('starting dockerd …');
  return startEngine(record);
}

async function startEngine(record: string): Promise<Engine> {
  mkdirSync(dirname(record), { recursive: true });
  const logFile = `${record}.log`;
  const log = openSync(logFile, 'a');
  const dockerd = spawn(DOCKERD, [], { cwd: '/', detached: true, stdio: ['ignore', log, log] });
  dockerd.on('error', () => undefined);
  dockerd.unref();
  const identity = dockerd.pid === undefined ? undefined : identityOf(dockerd.pid);
  if (identity) writeFileSync(record, JSON.stringify(identity));
  const answers = async () => {
    const engine = await findEngine();
    if (!engine && dockerd.exitCode === null) throw new Error(`dockerd does not answer; its log is ${logFile}`);
    return engine;
  };
  const engine = await eventually(answers, { deadlineMs: READY_DEADLINE_MS, everyMs: 200 });
  if (!engine) throw new TestbedError('BACKENDS_UNAVAILABLE', `dockerd ended; its log is ${logFile}`);
  return engine;
}

/** Stops the dockerd that {@link ensureEngine} started, and no other. */
export async function stopEngine(record: string): Promise<boolean> {
  if (!existsSync(record)) return false;
  const dockerd = JSON.parse(readFileSync(record, 'utf8')) as ProcessIdentity;
  const stopped = isAlive(dockerd);
  if (stopped) signal(dockerd.pid, 'SIGTERM');
  const gone = () => {
    if (isAlive(dockerd)) throw new Error(`dockerd (process ${dockerd.pid}) does not end`);
  };
  await eventually(gone, { deadlineMs: STOP_DEADLINE_MS });
  rmSync(record);
  return stopped;
}
