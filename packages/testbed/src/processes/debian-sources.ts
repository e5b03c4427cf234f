import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * How this machine reaches Debian's packages, for mmdebstrap: the mirrors in its own apt sources, with the suite changed,
 * and its proxies. A machine without Debian sources (Ubuntu) gets none: then mmdebstrap knows where to ask.
 */
export async function debianSources(suite: string): Promise<{ sources: string[]; aptOptions: string[] }> {
  const targets = ['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(ORIGIN)', 'Created-By: Packages'];
  const { stdout } = await run('apt-get', targets);
  const lines = stdout.split('\n').map((line) => line.split(' '));
  const repositories = new Map<string, string>();
  for (const [uri, release, origin] of lines) {
    // bookworm, bookworm-updates, bookworm-security → the same parts of the suite we want.
    const part = /^[a-z]+(-updates|-security)?$/.exec(release ?? '');
    if (uri && origin === 'Debian' && part) repositories.set(part[1] ?? '', uri);
  }
  const sources = repositories.has('') ? [...repositories].map(([part, uri]) => `deb ${uri} ${suite}${part} main`) : [];
  const { stdout: settings } = await run('apt-config', ['dump', '--format', '%F "%v";%n', 'Acquire']);
  return { sources, aptOptions: settings.split('\n').filter((line) => /^Acquire::https?::proxy/i.test(line)) };
}
