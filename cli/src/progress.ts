import process from 'node:process';

const BAR = 30;

/** A line on the terminal that is written over, and gone at the end; nothing where stderr is no terminal. */
export function showProgress(what: string): (position: number, head: number) => void {
  return (position, head) => {
    if (!process.stderr.isTTY) return;
    if (position >= head) return void process.stderr.write('\r\u001B[K');
    const full = Math.floor((position / head) * BAR);
    const bar = '█'.repeat(full) + '░'.repeat(BAR - full);
    process.stderr.write(`\r${what} ${bar} ${position} of ${head}`);
  };
}
