/** The clock of this process is wrong. Timers are not: they count, and do not tell the time. */
export function skewClock(ms: number): void {
  const True = Date;
  const now = () => True.now() + ms;
  globalThis.Date = new Proxy(True, {
    construct: (target, args: []) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
    apply: () => new True(now()).toString(),
    get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
  });
}
