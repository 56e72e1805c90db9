import { expect, test, vi } from 'vitest'
import type { EngineCommands, EngineView, RegistrationChangeView, RegistrationView } from '../../../src/admin/contract.ts'
import { addRegistrationRoutes, publishRegistrations } from '../../../src/admin/registration-routes.ts'
import { accountsWith, HandClock, serverWith, signIn } from './support.ts'

const ALICE: RegistrationView = {
  id: 'Ab0_-cdefghijklm',
  aor: 'alice@example.com',
  contact: 'sip:a@b.invalid;transport=ws',
  zone: 'browsers',
  listener: 'web/wss',
  transport: 'wss',
  remote: '198.51.100.7:50000',
  registrar: { zone: 'pbx', target: 'sip:10.0.0.20' },
  since: '2026-01-01T00:00:00.000Z',
  refreshedAt: '2026-01-01T00:10:00.000Z',
  expiresInSeconds: 540,
  userAgent: 'JsSIP',
  nat: [],
  roundTripMs: 12,
  losses: 0,
}

const started = async () => {
  const clock = new HandClock()
  const registrations = vi.fn<EngineView['registrations']>(() => ({ all: 7, total: 1, registrations: [ALICE] }))
  const endRegistration = vi.fn<EngineCommands['endRegistration']>((id) => (id === ALICE.id ? ALICE : undefined))
  const accounts = await accountsWith(['viewer', 'operator'], clock)
  const server = serverWith({
    accounts,
    clock,
    more: [
      (app) => addRegistrationRoutes(app, { registrations } as unknown as EngineView, { endRegistration } as unknown as EngineCommands),
    ],
  })
  return { registrations, endRegistration, viewer: await signIn(server, 'viewer'), operator: await signIn(server, 'operator') }
}

test('registrations are listed, searched and turned over as pages', async () => {
  const { registrations, viewer } = await started()
  const answer = await viewer.send('GET', '/api/registrations')
  expect([answer.statusCode, answer.json()]).toEqual([200, { all: 7, total: 1, registrations: [ALICE] }])
  expect(registrations).toHaveBeenLastCalledWith({ search: '', skip: 0, limit: 100 })
  await viewer.send('GET', '/api/registrations?search=ALI&skip=200&limit=50')
  expect(registrations).toHaveBeenLastCalledWith({ search: 'ALI', skip: 200, limit: 50 })
  for (const query of ['limit=0', 'limit=1000', 'skip=-1', `search=${'x'.repeat(101)}`, 'what=1'])
    expect((await viewer.send('GET', `/api/registrations?${query}`)).statusCode, query).toBe(400)
})

test('operators end a registration, viewers do not', async () => {
  const { endRegistration, viewer, operator } = await started()
  expect((await viewer.send('DELETE', `/api/registrations/${ALICE.id}`)).statusCode).toBe(403)
  expect(endRegistration).not.toHaveBeenCalled()
  const answer = await operator.send('DELETE', `/api/registrations/${ALICE.id}`)
  expect([answer.statusCode, answer.json()]).toEqual([200, ALICE])
  expect((await operator.send('DELETE', '/api/registrations/another')).json()).toMatchObject({ code: 'unknown-registration' })
})

test('changes are gathered for a second; of very many the rest is counted', () => {
  const changes: ((change: () => RegistrationChangeView) => void)[] = []
  const unwatch = vi.fn()
  const timers: (() => void)[] = []
  const published: unknown[] = []
  const events = { wanted: true, publish: (topic: string, data: unknown) => published.push([topic, data]) }
  const view = {
    watchRegistrations: (watcher: (change: () => RegistrationChangeView) => void) => {
      changes.push(watcher)
      return unwatch
    },
  }
  const stop = publishRegistrations(events, view as unknown as EngineView, (_, run) => {
    timers.push(run)
    return () => timers.splice(0)
  })
  const made = vi.fn((): RegistrationChangeView => ({ kind: 'registered', registration: ALICE }))
  const happens = (count: number): void => {
    for (let i = 0; i < count; i++) changes[0]!(made)
  }
  timers[0]!()
  expect(published, 'nothing happened').toEqual([])
  happens(60)
  timers[0]!()
  expect(published).toEqual([['registrations', { changes: Array(50).fill({ kind: 'registered', registration: ALICE }), more: 10 }]])
  // Nobody listens: nothing is made for nobody
  made.mockClear()
  events.wanted = false
  happens(5)
  expect(made).not.toHaveBeenCalled()
  stop()
  expect([unwatch.mock.calls.length, timers.length]).toEqual([1, 0])
})
