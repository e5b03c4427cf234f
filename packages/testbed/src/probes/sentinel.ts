import { converse } from './conversation.ts';
import { authFor, command } from './redis.ts';

const SENTINEL_PORT = 26_379;

/** redis[s]+sentinel://[user:password@]host[:port][,…]/primary[/db][?…]: who connects for good reads it with all its rules. */
const SENTINELS = /^(rediss?)\+sentinel:\/\/(?:([^@/]*)@)?([^@/?#]+)\/([^/?#]+)/i;

/** Undefined: the URL is of one server. Else the URL of the server that the first Sentinel to answer names as the primary. */
export async function primaryUrl(address: string, timeoutMs: number): Promise<string | undefined> {
  const [, scheme, login, hosts = '', name = ''] = SENTINELS.exec(address) ?? [];
  if (scheme === undefined) return undefined;
  const at = hosts.split(',').map((host) => `${scheme}://${sentinelLogin(address)}${host}`);
  const [host, port] = await Promise.any(at.map((sentinel) => ask(sentinel, decodeURIComponent(name), timeoutMs)));
  return `${scheme}://${login === undefined ? '' : `${login}@`}${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Of the Sentinels themselves: as it stands in a URL. */
function sentinelLogin(address: string): string {
  const { searchParams } = new URL(`redis://any${/\?.*$/.exec(address)?.[0] ?? ''}`);
  const password = searchParams.get('sentinel_password');
  if (password === null) return '';
  return `${encodeURIComponent(searchParams.get('sentinel_username') ?? '')}:${encodeURIComponent(password)}@`;
}

async function ask(sentinel: string, name: string, timeoutMs: number): Promise<readonly [host: string, port: string]> {
  const url = new URL(sentinel);
  const heard = await converse({
    url,
    defaultPort: SENTINEL_PORT,
    tls: url.protocol === 'rediss:',
    say: `${authFor(url)}${command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)}`,
    isComplete: (text) => NAMED.test(text) || /^(?:-.*|\*-1)\r\n/m.test(text),
    timeoutMs,
  });
  const [, host, port] = NAMED.exec(heard) ?? [];
  if (host === undefined || port === undefined) throw new Error(`the Sentinel answered ${heard.trim().slice(0, 200)}`);
  return [host, port];
}

const NAMED = /^\*2\r\n\$\d+\r\n(.*)\r\n\$\d+\r\n(\d+)\r\n/m;
