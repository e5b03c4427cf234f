/** A load in a process of its own: it is asked by message, and answers by message. It ends when this process does. */
import { fork } from 'node:child_process';

export type LoadProcess<Request, Reply> = Disposable & {
  readonly pid: number;
  /** One at a time. @throws what the load threw, or that it ended */
  ask(request: Request): Promise<Reply>;
};

/** What a load sends back. */
export type Answer<Reply> = { readonly reply: Reply } | { readonly error: string };

export function startLoad<Request extends object, Reply>(
  module: string,
  settings: object,
): LoadProcess<Request, Reply> {
  const child = fork(new URL(`loads/${module}.ts`, import.meta.url), [JSON.stringify(settings)], { execArgv: [] });
  return {
    pid: child.pid ?? 0,
    ask: (request) =>
      new Promise((resolve, reject) => {
        const onMessage = (answer: Answer<Reply>) => {
          child.off('exit', onExit);
          if ('error' in answer) reject(new Error(`${module}: ${answer.error}`));
          else resolve(answer.reply);
        };
        const onExit = (code: number | null) => {
          child.off('message', onMessage);
          reject(new Error(`${module} ended (${code ?? 'killed'})`));
        };
        child.once('message', onMessage);
        child.once('exit', onExit);
        child.send(request);
      }),
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}
