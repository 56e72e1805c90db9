import { apiError, createJsonApi, possibleZones } from './api.ts'
import type { ProviderEntry, TxtRecord } from './types.ts'

interface Answer {
  readonly success?: boolean
  readonly errors?: readonly { readonly code?: number; readonly message?: string }[]
  readonly result?: unknown
}

/** "An identical record already exists": what was wanted. */
const IDENTICAL = 81058

/** Cloudflare's API v4, with a token that may read zones and edit DNS. */
export const cloudflare: ProviderEntry = {
  settings: {
    'token-file': 'File with an API token (permissions Zone Read and DNS Edit)',
    'token-env': 'Variable with that token',
    'zone-id': 'Identifier of the zone; default: found by its name',
    url: 'Base of the API; default https://api.cloudflare.com/client/v4',
  },

  async create(settings, deps) {
    const api = createJsonApi(settings.optional('url') ?? 'https://api.cloudflare.com/client/v4', await settings.secret('token'), deps)

    const call = async (what: string, method: string, path: string, signal: AbortSignal, body?: object): Promise<Answer> => {
      const { status, document } = await api.call(method, path, signal, body)
      const answer = (document ?? {}) as Answer
      if (status < 300 && answer.success !== false) return answer
      const errors = answer.errors ?? []
      if (errors.some(({ code }) => code === IDENTICAL)) return answer
      const said = errors.map(({ code, message }) => `${message} (${code})`).join(', ')
      const refused =
        status === 401 || status === 403 || status === 400 ? 'may the token read zones and edit the DNS of this one?' : undefined
      throw apiError(`Cloudflare did not ${what}`, { status }, said, refused)
    }

    const zoneOf = async (name: string, signal: AbortSignal): Promise<string> => {
      const configured = settings.optional('zone-id')
      if (configured !== undefined) return configured
      for (const zone of possibleZones(name)) {
        const { result } = await call(`look up the zone ${zone}`, 'GET', `/zones?name=${encodeURIComponent(zone)}`, signal)
        const [found] = (result ?? []) as readonly { readonly id: string }[]
        if (found !== undefined) return found.id
      }
      throw apiError(`Cloudflare has no zone for ${name}`, { status: 200 }, 'no zone of that name', 'may the token read the zone?')
    }

    return {
      async add(record, signal) {
        const path = `/zones/${encodeURIComponent(await zoneOf(record.name, signal))}/dns_records`
        await call(`add ${record.name}`, 'POST', path, signal, { type: 'TXT', name: record.name, content: quoted(record), ttl: 60 })
      },
      async remove(record, signal) {
        const zone = `/zones/${encodeURIComponent(await zoneOf(record.name, signal))}/dns_records`
        const query = `?type=TXT&name.exact=${encodeURIComponent(record.name)}&per_page=100`
        const { result } = await call(`list ${record.name}`, 'GET', zone + query, signal)
        for (const { id, content } of (result ?? []) as readonly { readonly id: string; readonly content: string }[]) {
          // Records of before have no quotation marks
          if (content !== quoted(record) && content !== record.value) continue
          await call(`remove ${record.name}`, 'DELETE', `${zone}/${encodeURIComponent(id)}`, signal)
        }
      },
      close: () => api.close(),
    }
  },
}

const quoted = ({ value }: TxtRecord): string => `"${value}"`
