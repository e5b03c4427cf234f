import type { Bug } from './bug.ts';
import { DRILLED } from './drilled.ts';
import { SIMULATED } from './simulated.ts';

export const BUGS: readonly Bug[] = [...SIMULATED, ...DRILLED];
