import { chownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** `nobody`: every system has it. Postgres refuses to run as root, and the others need not. */
const SERVICE_UID = 65_534;
const SERVICE_GID = 65_534;

/** All a server gets: PGPORT, REDISCLI_AUTH, LANG and the like of the caller must not change what it does. */
export const SERVER_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

export interface ServiceUser {
  uid?: number;
  gid?: number;
  /** Put before the command. */
  prefix: readonly string[];
}

/**
 * As whom to run a server whose data lies in this folder. Not being root: as ourselves. Being root: as nobody; and where
 * nobody could not even pass through the parents (a checkout below /root), with the one capability that lets it.
 */
export function serviceUserFor(folder: string): ServiceUser {
  if (process.getuid?.() !== 0) return { prefix: [] };
  if (canBeEntered(folder)) return { uid: SERVICE_UID, gid: SERVICE_GID, prefix: [] };
  const ids = [`--reuid=${SERVICE_UID}`, `--regid=${SERVICE_GID}`, '--clear-groups'];
  return { prefix: ['setpriv', ...ids, '--inh-caps=+dac_override', '--ambient-caps=+dac_override'] };
}

export function giveToServiceUser(path: string): void {
  if (process.getuid?.() === 0) chownSync(path, SERVICE_UID, SERVICE_GID);
}

/** Whether every folder above this one lets anybody pass. */
export function canBeEntered(folder: string): boolean {
  const parent = dirname(folder);
  return parent === folder || ((statSync(parent).mode & 0o001) !== 0 && canBeEntered(parent));
}
