/** A Redis URL as anybody may read it: where it is, and nothing of how one gets in. */

const DEFAULT_PORT = '6379';

/** Without user, password and options. What cannot be taken apart stays as it is between `@` and `?`. */
export function redisPlace(url: string): string {
  const bare = (url.split(/[?#]/, 1)[0] ?? '').replace(/^([\w+.-]+:\/\/).*@/s, '$1');
  const parsed = URL.parse(bare);
  if (parsed === null || parsed.hostname === '' || !/^rediss?:$/.test(parsed.protocol)) return bare;
  const { protocol, hostname, port, pathname } = parsed;
  const database = /^\/?0?$/.test(pathname) ? '' : pathname;
  return `${protocol}//${hostname.toLowerCase()}:${port === '' ? DEFAULT_PORT : port}${database}`;
}
