import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const LONGEST_ANSWER = 64 * 1024;

/**
 * Connects, sends, and collects text until `isComplete` says so. Small enough that asking a server who it is needs no
 * client library, with its pools and reconnects.
 */
export function converse(options: {
  url: URL;
  defaultPort: number;
  tls: boolean;
  say: string;
  isComplete: (heard: string) => boolean;
  timeoutMs: number;
}): Promise<string> {
  const host = options.url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(options.url.port || options.defaultPort);
  return new Promise((resolve, reject) => {
    const socket: Socket = options.tls ? connectTls({ host, port, servername: host }) : connect({ host, port });
    const timer = setTimeout(() => end(new Error(`no answer in ${options.timeoutMs} ms`)), options.timeoutMs);
    let heard = '';
    const end = (error?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve(heard);
    };
    socket.setEncoding('utf8');
    socket.on('error', end);
    socket.on('close', () => end(new Error('the connection was closed before the answer was complete')));
    socket.on('data', (text: string) => {
      heard += text;
      if (options.isComplete(heard)) end();
      else if (heard.length > LONGEST_ANSWER) end(new Error('the answer is too long'));
    });
    if (options.say) socket.write(options.say);
  });
}
