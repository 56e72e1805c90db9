import { setTimeout as sleep } from 'node:timers/promises'
import { apiError, createJsonApi, possibleZones } from './api.ts'
import type { ProviderEntry, TxtRecord } from './types.ts'

interface Action {
  readonly id?: number
  readonly status?: 'running' | 'success' | 'error'
  readonly error?: { readonly message?: string } | null
}
interface Answer {
  readonly action?: Action
  readonly error?: { readonly code?: string; readonly message?: string }
}

const ACTION_MS = 60_000

/** DNS of the Hetzner Cloud API v1 (the API of the former DNS console is another one): values of a set are added and removed one by one. */
export const hetzner: ProviderEntry = {
  settings: {
    'token-file': 'File with an API token of the project (read and write)',
    'token-env': 'Variable with that token',
    zone: 'Name of the zone; default: found by its name',
    url: 'Base of the API; default https://api.hetzner.cloud/v1',
  },

  async create(settings, deps) {
    const api = createJsonApi(settings.optional('url') ?? 'https://api.hetzner.cloud/v1', await settings.secret('token'), deps)

    const call = async (what: string, method: string, path: string, signal: AbortSignal, body?: object) => {
      const { status, document } = await api.call(method, path, signal, body)
      const answer = (document ?? {}) as Answer
      if (status < 300) return answer
      if (status === 404) return undefined
      const { code, message } = answer.error ?? {}
      const said = message === undefined ? undefined : `${message} (${code})`
      const refused = status === 401 || status === 403 ? 'may the token read and write in the project of the zone?' : undefined
      throw apiError(`Hetzner did not ${what}`, { status }, said, refused)
    }

    const zoneOf = async (name: string, signal: AbortSignal): Promise<string> => {
      const configured = settings.optional('zone')
      if (configured !== undefined) return configured.replace(/\.$/, '')
      for (const zone of possibleZones(name)) {
        if ((await call(`look up the zone ${zone}`, 'GET', `/zones/${encodeURIComponent(zone)}`, signal)) !== undefined) return zone
      }
      throw apiError(`Hetzner has no zone for ${name}`, { status: 404 }, undefined, 'is the token of the project with the zone?')
    }

    const act = async (action: 'add_records' | 'remove_records', record: TxtRecord, signal: AbortSignal): Promise<Answer | undefined> => {
      const zone = await zoneOf(record.name, signal)
      const name = record.name === zone ? '@' : record.name.slice(0, -zone.length - 1)
      const path = `/zones/${encodeURIComponent(zone)}/rrsets/${encodeURIComponent(name)}/TXT/actions/${action}`
      const records = [{ value: `"${record.value}"` }]
      const what = `${action === 'add_records' ? 'add' : 'remove'} ${record.name}`
      const answer = await call(what, 'POST', path, signal, action === 'add_records' ? { ttl: 60, records } : { records })
      if (answer !== undefined) await finished(what, answer.action ?? {}, signal)
      return answer
    }

    /** An action goes on after its answer. */
    const finished = async (what: string, started: Action, signal: AbortSignal): Promise<void> => {
      const end = deps.clock.now() + ACTION_MS
      for (let action = started, wait = 300; action.status === 'running'; wait = Math.min(wait * 2, 3000)) {
        if (deps.clock.now() > end) throw apiError(`Hetzner did not ${what}`, { status: 200 }, `not within ${ACTION_MS / 1000} s`)
        await sleep(wait, undefined, { signal })
        action = (await call(what, 'GET', `/actions/${action.id}`, signal))?.action ?? {}
        if (action.status === 'error') throw apiError(`Hetzner did not ${what}`, { status: 200 }, action.error?.message)
      }
      if (started.status === 'error') throw apiError(`Hetzner did not ${what}`, { status: 200 }, started.error?.message)
    }

    return {
      async add(record, signal) {
        if ((await act('add_records', record, signal)) === undefined)
          throw apiError(`Hetzner did not add ${record.name}`, { status: 404 }, 'no such zone', 'correct zone, or the token')
      },
      async remove(record, signal) {
        // 404: there is no such set
        await act('remove_records', record, signal)
      },
      close: () => api.close(),
    }
  },
}
