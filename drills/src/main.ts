import process from 'node:process';
import { createProgram } from './program.ts';

process.exitCode = await createProgram().run(process.argv);
