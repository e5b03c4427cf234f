/** Writes docs/configuration.md: `node tools/configuration-docs.ts`. A service that is added joins the list here. */
import { writeFileSync } from 'node:fs';
import { configurationDocs } from '../packages/service/src/config-docs.ts';
import { variables as agents } from '../agents/src/config.ts';
import { variables as health } from '../services/health/src/config.ts';
import { variables as ingest } from '../services/ingest/src/config.ts';
import { variables as memory } from '../services/memory/src/config.ts';
import { variables as orchestrator } from '../services/orchestrator/src/config.ts';

export const FILE = new URL('../docs/configuration.md', import.meta.url);

export function currentConfigurationDocs(): string {
  return configurationDocs([
    { name: 'ingest', variables: ingest },
    { name: 'orchestrator', variables: orchestrator },
    { name: 'memory', variables: memory },
    { name: 'health', variables: health },
    { name: 'agents', variables: agents },
  ]);
}

if (import.meta.main) writeFileSync(FILE, currentConfigurationDocs());
