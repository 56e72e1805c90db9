/** Bindings as the admin side sees them. */
import { createHash } from 'node:crypto'
import { hostText } from '../../address/listener.ts'
import type { RegistrationChangeView, RegistrationQuery, RegistrationsView, RegistrationView } from '../../admin/contract.ts'
import { instanceOf } from '../../registrar/contact.ts'
import type { Binding, BindingChange } from '../../registrar/types.ts'
import type { Edge } from '../edge.ts'
import { bindingId } from './gone.ts'

const idOf = (binding: Binding): string => createHash('sha256').update(bindingId(binding)).digest('base64url').slice(0, 16)

const iso = (ms: number): string => new Date(ms).toISOString()

export const registrationView = (edge: Edge, binding: Binding): RegistrationView => {
  const { flow, registrar, userAgent } = binding
  const listener = edge.running.snapshot.listeners.find((one) => one.listener.name === binding.listener)?.listener
  const connection = flow.kind === 'connection' && flow.boot === edge.clients.boot ? edge.transports.flowById(flow.id) : undefined
  const lostSince = edge.registrations.lostSince(binding)
  const instance = instanceOf(binding.parameters)
  const alive = edge.keepAlive.of(binding)
  const lost = lostSince ?? alive?.lostSince
  const roundTripMs = alive?.roundTripMs ?? connection?.roundTripMs
  return {
    id: idOf(binding),
    aor: binding.aor,
    contact: binding.contact,
    ...(instance !== '' && { instance }),
    zone: binding.zone,
    listener: binding.listener,
    transport: listener?.transport.name ?? '',
    remote:
      flow.kind === 'datagram'
        ? `${hostText(flow.address)}:${flow.port}`
        : connection === undefined
          ? ''
          : `${hostText(connection.remoteAddress)}:${connection.remotePort}`,
    ...(lost !== undefined && { lostSince: iso(lost) }),
    ...(registrar !== undefined && { registrar: { zone: registrar.zone, target: registrar.target } }),
    since: iso(binding.since),
    refreshedAt: iso(binding.refreshedAt),
    expiresInSeconds: Math.max(0, Math.round((binding.expiresAt - edge.clock.wall()) / 1000)),
    ...(userAgent !== '' && { userAgent }),
    nat: binding.nat,
    ...(roundTripMs !== undefined && { roundTripMs }),
    ...(alive !== undefined && { losses: alive.losses }),
  }
}

/** Beyond it calls would wait for the page of somebody who looks. */
const MOST_SORTED = 5000

export const registrationViews = (edge: Edge, { search, skip, limit }: RegistrationQuery): RegistrationsView => {
  const { bindings } = edge
  if (search === '' && limit === 0) return { all: bindings.size, total: bindings.size, registrations: [] }
  const words = search.toLowerCase()
  const found = words === '' ? [...bindings.all()] : [...bindings.all()].filter((one) => shown(edge, one).toLowerCase().includes(words))
  if (found.length <= MOST_SORTED) found.sort((a, b) => compare(a.aor, b.aor) || a.since - b.since)
  return {
    all: bindings.size,
    total: found.length,
    registrations: found.slice(skip, skip + limit).map((binding) => registrationView(edge, binding)),
  }
}

/** What is searched. */
const shown = (edge: Edge, { aor, contact, zone, flow, userAgent }: Binding): string => {
  const connection = flow.kind === 'connection' ? edge.transports.flowById(flow.id) : undefined
  const remote = flow.kind === 'datagram' ? `${flow.address}:${flow.port}` : `${connection?.remoteAddress}:${connection?.remotePort}`
  return `${aor}\n${contact}\n${zone}\n${remote}\n${userAgent}`
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const registrationChange = (edge: Edge, change: BindingChange): RegistrationChangeView => {
  const registration = registrationView(edge, change.binding)
  return change.kind === 'ended' ? { kind: 'ended', why: change.why, registration } : { kind: change.kind, registration }
}

/** Ends the one with that id. @returns what it was; undefined: there is none */
export const endRegistration = (edge: Edge, id: string): RegistrationView | undefined => {
  for (const binding of edge.bindings.all()) {
    if (idOf(binding) !== id) continue
    const view = registrationView(edge, binding)
    edge.registrations.end(binding, 'removed')
    return view
  }
  return undefined
}
