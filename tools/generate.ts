// Generates packages/rpc/src/gen from proto/. The output is committed; `check` compares it.
import { spawnSync } from 'node:child_process';

const ran = spawnSync('buf', ['generate', '--template', 'buf.gen.yaml', '.'], { cwd: 'proto', stdio: 'inherit' });
process.exitCode = ran.status ?? 1;
