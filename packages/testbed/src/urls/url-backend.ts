import { type Backend, type Component, START_DEADLINE_MS } from '../backend.ts';
import { TestbedError } from '../errors.ts';
import { PROBES } from '../probes/answer.ts';
import { primaryUrl } from '../probes/sentinel.ts';
import { untilAnswers } from '../until-answers.ts';

const PROBE_MS = 5_000;

/** A server somebody else runs. It is asked whether it answers, and otherwise left alone. */
export function createUrlBackend(component: Component, url: string): Backend {
  let version: string | undefined;
  const notOurs = (verb: string) => async () => {
    throw new TestbedError('BACKEND_NOT_OURS', `${component} was given by URL: it is not ours to ${verb}`);
  };
  return {
    component,
    provider: 'urls',
    url,
    get version() {
      return version;
    },
    running: undefined,
    async start() {
      const probe = async () => PROBES[component]((await primaryUrl(url, PROBE_MS)) ?? url, PROBE_MS);
      const answer = await untilAnswers(probe, { deadlineMs: START_DEADLINE_MS }).catch((cause: unknown) => {
        // Without the URL: it may hold a password.
        throw new TestbedError('BACKEND_SILENT', `${component} does not answer at the URL given`, { cause });
      });
      version = answer.version;
    },
    // Nothing of ours to stop: closing a testbed must not fail over it.
    stop: async () => undefined,
    kill: notOurs('kill'),
    wipe: notOurs('wipe'),
    freeze: notOurs('freeze'),
    thaw: notOurs('thaw'),
    onExit: () => undefined,
  };
}
