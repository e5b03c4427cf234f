// All processes of one server: found, frozen, killed. The leader is signalled first, so that it starts no more children.
import { eventually } from './eventually.ts';
import { type ProcessIdentity, isAlive, isStopped, processesIn, programOf, signal } from './process-table.ts';

const KILL_DEADLINE_MS = 10_000;
const FREEZE_DEADLINE_MS = 5_000;

export interface ProcessTree {
  /** Real path of the folder that every process of the server has as its current folder (or below). */
  folder: string;
  /** The program they run. Without it every process in the folder counts: only for folders nobody else can be in. */
  program?: string;
  leader?: ProcessIdentity;
}

export function membersOf(tree: ProcessTree): number[] {
  const leader = tree.leader && isAlive(tree.leader) ? [tree.leader.pid] : [];
  const others = processesIn(tree.folder).filter((pid) => !tree.program || programOf(pid) === tree.program);
  return [...new Set([...leader, ...others])];
}

/** Resolves when no process of the tree is left. Works on frozen ones too. */
export async function killTree(tree: ProcessTree): Promise<void> {
  const killOnce = () => {
    for (const pid of signalTree(tree, 'SIGKILL')) throw new Error(`process ${pid} in ${tree.folder} does not end`);
  };
  await eventually(killOnce, { deadlineMs: KILL_DEADLINE_MS, everyMs: 5 });
}

/** Stops all of them; looks again until no new child has appeared. Resolves when no thread of theirs runs any more. */
export async function freezeTree(tree: ProcessTree): Promise<void> {
  for (let known = 0, members = membersOf(tree); members.length > known;) {
    known = signalTree(tree, 'SIGSTOP').length;
    members = membersOf(tree);
  }
  const allStopped = () => {
    const running = membersOf(tree).find((pid) => !isStopped(pid));
    if (running !== undefined) throw new Error(`process ${running} in ${tree.folder} does not stop`);
  };
  await eventually(allStopped, { deadlineMs: FREEZE_DEADLINE_MS, everyMs: 1 });
}

export function thawTree(tree: ProcessTree): void {
  signalTree(tree, 'SIGCONT');
}

function signalTree(tree: ProcessTree, name: NodeJS.Signals): number[] {
  const members = membersOf(tree);
  // The group too: where there is no /proc it is all we know of.
  if (tree.leader && members.includes(tree.leader.pid)) signal(-tree.leader.pid, name);
  for (const pid of members) signal(pid, name);
  return members;
}
