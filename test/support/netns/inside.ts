/** What a test does in another network namespace: through a process that stands there. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Actions } from './agent.ts'
import type { Network, Where } from './network.ts'

const project = join(import.meta.dirname, '..', '..', '..')
const node = join(project, 'node_modules', '.bin', 'node')
const script = join(import.meta.dirname, 'agent.ts')

/** The same actions as there, from here. */
export type Inside = {
  readonly [K in keyof Actions]: (...given: Parameters<Actions[K]>) => Promise<Awaited<ReturnType<Actions[K]>>>
} & { readonly stop: () => Promise<void> }

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

export const stepInside = async (network: Network, where: Where): Promise<Inside> => {
  const child: ChildProcess = spawn('ip', ['netns', 'exec', network.name(where), node, script], {
    cwd: project,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }>()
  let asked = 0
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ask = (action: string, given: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++asked
      waiting.set(id, { resolve, reject })
      child.send({ id, action, given })
    })
  await new Promise<void>((resolve, reject) => {
    child.on('message', ({ id, result, error }: Reply) => {
      if (id === 0) resolve()
      const one = waiting.get(id)
      waiting.delete(id)
      if (error === undefined) one?.resolve(result)
      else one?.reject(new Error(`${where}: ${error}`))
    })
    child.once('exit', (code) => {
      const error = new Error(`what stood in ${where} ended with ${code}`)
      reject(error)
      for (const one of waiting.values()) one.reject(error)
    })
  })
  const stop = async (): Promise<void> => {
    child.disconnect()
    await ended
  }
  return new Proxy({ stop } as unknown as Inside, {
    get: (own, action) =>
      action === 'then' ? undefined : action === 'stop' ? own.stop : (...given: readonly unknown[]) => ask(String(action), given),
  })
}
