/** How much of the backlog the leader reads at once. Pure. */

/** Rows read at once. */
const PAGE = 2_000;
/** So long a small page waits to become a larger one. */
const PATIENCE_MS = 250;

/**
 * Page by page, not task by task: what finds a whole page of room, or a window that runs empty, is read at once; less waits.
 * @param window.room for more tasks; `size`: tasks in it
 * @returns 0: not now
 */
export function backlogPage(window: { readonly room: number; readonly size: number }, sinceLastMs: number): number {
  const page = Math.min(PAGE, window.room);
  const worthIt = page >= Math.min(PAGE, window.size / 4);
  return worthIt || sinceLastMs >= PATIENCE_MS ? page : 0;
}
