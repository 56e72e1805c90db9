import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Stage } from './place.ts'

const main = process.env.E2E_EDGE ?? join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts')

/** A user of the edge's own, by its command line. */
export const addUser = ({ edge }: Stage, user: string, password: string): void => {
  const args = [main, 'user', 'add', user, '--config', edge.configFile, '--data', edge.dataFolder]
  const { status, stderr } = spawnSync(join(import.meta.dirname, '..', '..', '..', 'node_modules', '.bin', 'node'), args, {
    input: `${password}\n`,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`user add ${user}: ${stderr}`)
}
