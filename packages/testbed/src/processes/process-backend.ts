// One server as child processes of ours: the leader is our child, found again with all its own children through the data
// folder they live in. Start is the only slow way; kill and freeze act at once, also while a start is under way.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type Backend, START_DEADLINE_MS, STOP_DEADLINE_MS } from '../backend.ts';
import { TestbedError } from '../errors.ts';
import { ExitListeners } from '../exit-listeners.ts';
import { isFree } from '../ports.ts';
import { PROBES } from '../probes/answer.ts';
import { identityOf, programOf, signal } from '../process-table.ts';
import { freezeTree, killTree, thawTree } from '../process-tree.ts';
import type { ProgramRecord } from '../run-record.ts';
import type { Run } from '../run.ts';
import { removeFolder } from '../remove-folder.ts';
import { untilAnswers } from '../until-answers.ts';
import type { Program } from './program.ts';
import { giveToServiceUser } from './service-user.ts';
import { releaseSharedMemory } from './shared-memory.ts';
import { lastLines, spawnServer } from './spawn-server.ts';

/** `home` gets two entries: `data/`, which wipe deletes, and `server.log`, which it keeps. */
export function createProcessBackend(options: { program: Program; home: string; port: number; run: Run }): Backend {
  const { program, port, run } = options;
  mkdirSync(options.home, { recursive: true });
  chmodSync(options.home, 0o711);
  const home = realpathSync(options.home);
  const dataFolder = join(home, 'data');
  const logFile = join(home, 'server.log');
  const listeners = new ExitListeners();
  let tree: ProgramRecord = { folder: dataFolder };
  let child: ChildProcess | undefined;
  let starting: Promise<void> | undefined;
  let ending: Promise<void> | undefined;
  let version: string | undefined;

  const backend: Backend = {
    component: program.component,
    provider: 'processes',
    url: program.url(port),
    get version() {
      return version;
    },
    get running() {
      return child?.pid === undefined ? undefined : { pid: child.pid };
    },
    start() {
      starting ??= launch().finally(() => (starting = undefined));
      return starting;
    },
    async stop() {
      const leaving = child;
      if (!leaving) return;
      listeners.mute(leaving);
      thawTree(tree);
      const exited = once(leaving, 'exit', { signal: AbortSignal.timeout(STOP_DEADLINE_MS) });
      leaving.ref();
      leaving.kill(program.stopSignal);
      await exited.catch(() => undefined);
      await end(leaving);
    },
    async kill() {
      // Before there is a child there is nothing to kill yet, but there will be.
      if (!child) await starting?.catch(() => undefined);
      if (child) await end(child);
    },
    async wipe() {
      await backend.kill();
      releaseSharedMemory(dataFolder);
      await removeFolder(dataFolder);
    },
    async freeze() {
      mustRun();
      await freezeTree(tree);
    },
    async thaw() {
      mustRun();
      thawTree(tree);
    },
    onExit: (listener) => listeners.add(listener),
  };
  return backend;

  async function launch(): Promise<void> {
    await ending;
    if (child) return answers(child);
    // Dead by itself: its children may not have noticed yet.
    if (tree.leader) await killTree(tree);
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    giveToServiceUser(dataFolder);
    await program.prepare?.(dataFolder);
    if (!(await isFree(port))) throw new TestbedError('PORT_TAKEN', `${program.component}: port ${port} is taken`);
    const started = launchChild();
    try {
      await answers(started);
    } catch (error) {
      await end(started);
      throw error;
    }
  }

  function launchChild(): ChildProcess {
    run.noteProgram(tree);
    const started = spawnServer({ program, dataFolder, port, logFile });
    child = started;
    started.once('exit', () => {
      if (child === started) child = undefined;
      listeners.fire(started);
    });
    return started;
  }

  async function answers(started: ChildProcess): Promise<void> {
    const pid = started.pid;
    if (pid === undefined) throw died('could not be started');
    const probe = () => PROBES[program.component](backend.url, 1_000);
    const answer = await untilAnswers(probe, {
      deadlineMs: START_DEADLINE_MS,
      giveUp: () =>
        started.exitCode === null && started.signalCode === null ? undefined : died('ended while starting'),
    }).catch((cause: unknown) => {
      if (cause instanceof TestbedError) throw cause;
      throw new TestbedError('BACKEND_SILENT', `${program.component} does not answer\n${lastLines(logFile)}`, {
        cause,
      });
    });
    if (!program.isOurs(answer, { port, dataFolder, pid })) {
      throw new TestbedError('BACKEND_IS_ANOTHER', `another ${program.component} answers on port ${port}`);
    }
    version = answer.version;
    const leader = identityOf(pid);
    const running = programOf(pid);
    tree = {
      folder: dataFolder,
      ...(running && { program: running }),
      ...(leader && { leader }),
      ...(program.quitSignal && { quitSignal: program.quitSignal }),
    };
    run.noteProgram(tree);
  }

  function end(leaving: ChildProcess): Promise<void> {
    ending ??= killAll(leaving).finally(() => (ending = undefined));
    return ending;
  }

  async function killAll(leaving: ChildProcess): Promise<void> {
    if (leaving.exitCode === null && leaving.signalCode === null && leaving.pid !== undefined) {
      const exited = once(leaving, 'exit');
      // Keeps us alive until the kernel has told us.
      leaving.ref();
      signal(leaving.pid, 'SIGKILL');
      await exited;
    }
    await killTree(tree);
  }

  function mustRun(): void {
    if (!child) throw new TestbedError('BACKEND_DOWN', `${program.component} does not run`);
  }

  function died(how: string): TestbedError {
    const log = lastLines(logFile);
    const code = /address already in use/i.test(log) ? 'PORT_TAKEN' : 'BACKEND_DIED';
    return new TestbedError(code, `${program.component} ${how}\n${log}`);
  }
}
