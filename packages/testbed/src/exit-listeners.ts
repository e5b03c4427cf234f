/** Who wants to know that a backend died. A life that was ended on purpose (`stop`) is muted. */
export class ExitListeners {
  readonly #listeners: (() => void)[] = [];
  readonly #muted = new WeakSet<object>();

  add(listener: () => void): void {
    this.#listeners.push(listener);
  }

  mute(life: object): void {
    this.#muted.add(life);
  }

  fire(life: object): void {
    if (this.#muted.has(life)) return;
    for (const listener of this.#listeners) listener();
  }
}
