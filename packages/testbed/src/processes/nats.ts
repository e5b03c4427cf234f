import type { Program } from './program.ts';

export function natsProgram(file: string, options: { name: string; monitorPort?: number }): Program {
  const monitoring = options.monitorPort === undefined ? [] : ['-m', String(options.monitorPort)];
  return {
    component: 'nats',
    file,
    stopSignal: 'SIGTERM',
    url: (port) => `nats://127.0.0.1:${port}`,
    args: ({ port, dataFolder }) =>
      [['-js', '-sd', dataFolder], ['-a', '127.0.0.1'], ['-p', String(port)], ['-n', options.name], monitoring].flat(),
    isOurs: (answer) => answer.name === options.name,
  };
}
