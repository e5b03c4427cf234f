/**
 * REDIS_URL, read in one place for all who connect: one server, or the Sentinels that know which server is the primary now.
 *
 *     redis[s]://[user:password@]host[:port][/db]
 *     redis[s]+sentinel://[user:password@]host[:port][,host[:port]…]/primary[/db][?sentinel_username=…&sentinel_password=…]
 *
 * ioredis knows no URL for Sentinels. The second form is the one that redis-sentinel-url began and Prefect, RedisVL and docling take: user and
 * password before the hosts are those of the Redis servers, those of the Sentinels themselves are parameters.
 */
import { AppError } from '@morningai/core/errors';

export type RedisAddress =
  /** As ioredis reads it. */
  { readonly kind: 'server'; readonly url: string } | SentinelAddress;

export type SentinelAddress = {
  readonly kind: 'sentinel';
  /** At least one. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** What the Sentinels call the group. */
  readonly primary: string;
  readonly db: number;
  /** To the servers and to the Sentinels. */
  readonly tls: boolean;
  readonly server: Login;
  readonly sentinel: Login;
};

/** Undefined: none is needed. */
type Login = { readonly username: string | undefined; readonly password: string | undefined };

const SENTINEL_PORT = 26_379;
const SENTINELS_MAX = 16;
const SERVER = /^rediss?:\/\//i;
const SENTINEL = /^(rediss?)\+sentinel:\/\/(?:([^@/?#]*)@)?([^@/?#]*)([/?].*)?$/i;
const HOST = /^(\[[0-9a-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/i;
const SENTINEL_PARAMETERS = ['sentinel_username', 'sentinel_password'];
/** ioredis takes each as an option of its own: another one may lead elsewhere, or end who uses the client. */
const SERVER_PARAMETERS = ['db', 'family', 'username', 'password'];

/** @throws AppError CONFIG_INVALID: says what is wrong, and repeats neither user nor password */
export function parseRedisAddress(text: string): RedisAddress {
  if (SERVER.test(text) && URL.canParse(text)) {
    checkParameters(new URL(text), SERVER_PARAMETERS);
    return { kind: 'server', url: text };
  }
  const [matched, scheme = '', login = '', hosts = '', rest = ''] = SENTINEL.exec(text) ?? [];
  if (matched === undefined)
    throw invalid('must be a URL with redis://, rediss://, redis+sentinel:// or rediss+sentinel://');
  // The standard's parser for all but the list of hosts, which it does not know.
  const standIn = `redis://${login === '' ? '' : `${login}@`}sentinels${rest}`;
  if (!URL.canParse(standIn)) throw invalid('is no URL: percent-encode what is special in user and password');
  const url = new URL(standIn);
  const [primary, db] = placeOf(url);
  return {
    kind: 'sentinel',
    sentinels: sentinelsOf(hosts),
    primary,
    db,
    tls: scheme.toLowerCase() === 'rediss',
    server: loginOf(decoded(url.username), decoded(url.password)),
    sentinel: sentinelLoginOf(url),
  };
}

function sentinelsOf(hosts: string): SentinelAddress['sentinels'] {
  const listed = hosts.split(',');
  if (listed.length > SENTINELS_MAX) throw invalid(`names ${listed.length} Sentinels: at most ${SENTINELS_MAX}`);
  return listed.map((text) => {
    const [, host, port = String(SENTINEL_PORT)] = HOST.exec(text) ?? [];
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
      throw invalid(`"${text}" is no Sentinel: give host or host:port, with commas between`);
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  });
}

function placeOf({ pathname }: URL): readonly [primary: string, db: number] {
  const [primary = '', db = '0', ...more] = pathname.slice(1).split('/');
  if (primary === '') throw invalid('names no primary: redis+sentinel://host,host/mymaster');
  if (more.length > 0 || !/^\d{1,5}$/.test(db))
    throw invalid('after the hosts comes /primary, or /primary/db with the number of a database');
  return [decoded(primary), Number(db)];
}

function sentinelLoginOf(url: URL): Login {
  checkParameters(url, SENTINEL_PARAMETERS);
  const { searchParams } = url;
  const login = loginOf(searchParams.get('sentinel_username') ?? '', searchParams.get('sentinel_password') ?? '');
  if (login.username !== undefined && login.password === undefined)
    throw invalid('has sentinel_username without sentinel_password');
  return login;
}

function checkParameters({ searchParams }: URL, known: readonly string[]): void {
  const unknown = [...searchParams.keys()].filter((name) => !known.includes(name));
  if (unknown.length > 0) throw invalid(`has unknown parameters: ${unknown.join(', ')}; known are ${known.join(', ')}`);
}

function loginOf(username: string, password: string): Login {
  return { username: username === '' ? undefined : username, password: password === '' ? undefined : password };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('has a stray "%": percent-encode what is special');
  }
}

function invalid(why: string): AppError {
  return new AppError('CONFIG_INVALID', why);
}
