import process from 'node:process';
import { createProgram } from './program.ts';

// Not by itself: Node 24 was seen to spin for ever while it tidied up after all was closed.
process.exit(await createProgram().run(process.argv));
