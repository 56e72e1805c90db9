import { readFileSync } from 'node:fs'

/** The version of this program, from its package: told on the command line, in the log, and to peers that want to know. */
export const VERSION = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
