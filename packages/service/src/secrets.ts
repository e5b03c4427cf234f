/** Keeps passwords out of what anybody may read. */

const HOSTS = /^([\w+.-]+:\/\/(?:[^@/?#]*@)?)[^/?#]*/;

/** Everything secret in a connection URL, as it stands there and as it is meant. */
export function secretsOf(url: string): readonly string[] {
  // A list of hosts, as Sentinels and clusters have it, is more than the standard's parser takes; nothing secret is in it.
  const oneHost = url.replace(HOSTS, '$1hosts');
  if (!URL.canParse(oneHost)) return [];
  const { username, password, searchParams } = new URL(oneHost);
  const options = [...searchParams].flatMap(([name, value]) => (/password/i.test(name) ? [value] : []));
  // nats://token@host: a lone user name is the token.
  const secrets = password === '' && /^(nats|tls):/.test(url) ? [username] : [password];
  const all = [...secrets.flatMap((secret) => [secret, decoded(secret)]), ...options];
  return [...new Set(all)].filter((secret) => secret !== '');
}

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A stray "%": the drivers take it as it stands, and so do we.
    return part;
  }
}
