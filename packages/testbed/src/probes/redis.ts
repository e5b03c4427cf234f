import type { Probe } from './answer.ts';
import { converse } from './conversation.ts';

export const redisAnswer: Probe = async (address, timeoutMs) => {
  const url = new URL(address);
  const heard = await converse({
    url,
    defaultPort: 6379,
    tls: url.protocol === 'rediss:',
    say: `${authFor(url)}${command('INFO', 'server')}`,
    // INFO ends with its last line; while the data is being loaded the answer is an error.
    isComplete: (text) => /^executable:.*\r\n/m.test(text) || /^-.*\r\n/m.test(text),
    timeoutMs,
  });
  const field = (name: string) => new RegExp(`^${name}:(.*)\r$`, 'm').exec(heard)?.[1];
  const version = field('valkey_version') ?? field('redis_version');
  if (!version) throw new Error(`Redis answered ${heard.trim().slice(0, 200)}`);
  const pid = Number(field('process_id'));
  return Number.isNaN(pid) ? { version } : { version, pid };
};

export function authFor(url: URL): string {
  if (!url.password) return '';
  const password = decodeURIComponent(url.password);
  return url.username ? command('AUTH', decodeURIComponent(url.username), password) : command('AUTH', password);
}

export function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}
