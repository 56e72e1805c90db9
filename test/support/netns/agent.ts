/** A process inside a namespace: does there what a test tells it, since a process is in one namespace as a whole. */

import type { SipCall } from '../media/sip-call.ts'
import { openSipEndpoint, type SipEndpoint, type SipEndpointOptions } from '../media/sip-endpoint.ts'

const endpoints = new Map<string, SipEndpoint>()
const calls: SipCall[] = []
const texts = new Map<string, string[]>()

const endpoint = (name: string): SipEndpoint => {
  const found = endpoints.get(name)
  if (found === undefined) throw new Error(`there is no ${name} here`)
  return found
}
const noted = (name: string, text: string): void => {
  texts.set(name, [...(texts.get(name) ?? []), text])
}
const known = (call: SipCall): number => calls.push(call) - 1

/** What can be asked; arguments and results are plain data. A call is a number. */
const ACTIONS = {
  open: async (
    options: Omit<SipEndpointOptions, 'receiving' | 'sending'>,
  ): Promise<{ readonly port: number; readonly contact: string }> => {
    const made = await openSipEndpoint(options)
    endpoints.set(options.name, made)
    return { port: made.port, contact: made.contact }
  },
  register: async (name: string): Promise<number> => {
    const response = await endpoint(name).register()
    noted(name, response.bytes.toString('latin1'))
    return response.status
  },
  registered: (name: string) => endpoint(name).registered(),
  send: async (name: string, method: string, to: string, routes: readonly string[]): Promise<number> => {
    const response = await endpoint(name).send(method, to, { routes })
    noted(name, response.bytes.toString('latin1'))
    return response.status
  },
  call: async (name: string, to: string, routes: readonly string[]): Promise<number> => known(await endpoint(name).call(to, { routes })),
  incoming: async (name: string, ms?: number): Promise<number> => known(await endpoint(name).incoming(ms)),
  answer: async (call: number): Promise<void> => void (await calls[call]!.answer()),
  established: async (call: number): Promise<void> => void (await calls[call]!.established()),
  cancel: async (call: number): Promise<void> => void (await calls[call]!.cancel()),
  final: async (call: number): Promise<number> => (await calls[call]!.final()).status,
  hears: (call: number, hz: number, absent: readonly number[] = []): Promise<void> => calls[call]!.media().hears(hz, 8000, absent),
  hearsSilence: (call: number): Promise<void> => calls[call]!.media().hearsSilenceFor(300),
  hold: async (call: number): Promise<void> => void (await calls[call]!.hold()),
  resume: async (call: number): Promise<void> => void (await calls[call]!.resume()),
  reinvite: async (call: number): Promise<number> => (await calls[call]!.reinvite()).status,
  info: async (call: number): Promise<number> => (await calls[call]!.send('INFO')).status,
  bye: async (call: number): Promise<number> => (await calls[call]!.bye()).status,
  ended: async (call: number): Promise<void> => void (await calls[call]!.ended()),
  /** `address:port` that sound came from. */
  sources: (call: number): readonly string[] => calls[call]!.media().heard().sources,
  /** Every message that came to it, as text. */
  got: (name: string): readonly string[] => {
    const { requests, calls: its } = endpoint(name)
    return [
      ...(texts.get(name) ?? []),
      ...[...requests, ...its.flatMap(({ arrived }) => arrived)].map(({ bytes }) => bytes.toString('latin1')),
    ]
  },
  problems: (name: string): readonly string[] => endpoint(name).problems,
  fetch: async (url: string): Promise<string> => (await fetch(url)).text(),
  /** Serves the page of the browser's phone on this namespace's loopback. */
  servePages: async (folder: string): Promise<string> => (await (await import('../media/browser-media.ts')).serveMediaPhone(folder)).origin,
}

export type Actions = typeof ACTIONS

interface Question {
  readonly id: number
  readonly action: keyof Actions
  readonly given: readonly unknown[]
}

process.on('message', ({ id, action, given }: Question) => {
  const act = ACTIONS[action] as (...all: readonly unknown[]) => unknown
  Promise.resolve()
    .then(() => act(...given))
    .then(
      (result) => process.send?.({ id, result }),
      (error) => process.send?.({ id, error: String((error as Error).message ?? error) }),
    )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ id: 0 })
