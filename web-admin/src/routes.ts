/** Which page the address names. Pages live behind the `#`, so that the server has one file to give and a proxy may put it anywhere. */

export type Place =
  | { readonly page: 'overview' }
  | { readonly page: 'calls'; readonly part: 'now' | 'past' }
  | { readonly page: 'call'; readonly id: string }
  | { readonly page: 'zones' }
  | { readonly page: 'registrations' }
  | { readonly page: 'subscribers' }
  | { readonly page: 'phone' }
  /** `of`: the doctor's zone, or the step of the wizard. */
  | { readonly page: 'teams'; readonly part: TeamsPart; readonly of?: string }
  | { readonly page: 'certificates' }
  | { readonly page: 'certificate'; readonly name: string }
  | { readonly page: 'new certificate' }
  | { readonly page: 'security' }
  | { readonly page: 'configuration'; readonly part: 'edit' | 'effective' | 'history' }
  | { readonly page: 'log' }
  | { readonly page: 'users' }
  | { readonly page: 'audit' }
  | { readonly page: 'account' }
  | { readonly page: 'unknown'; readonly path: string }

export type TeamsPart = 'status' | 'doctor' | 'setup'

/** The token of the one-time link `#setup=TOKEN`. */
export const setupToken = (hash: string): string | undefined => /^#setup=([\w-]+)$/.exec(hash)?.[1]

export const placeOf = (hash: string): Place => {
  const path = hash.replace(/^#/, '').split('?')[0]!
  const [first = '', second, ...more] = path.split('/').filter(Boolean).map(decoded)
  const unknown: Place = { page: 'unknown', path }
  if (first === 'teams' && more.length < 2) return teamsPlace(second, more[0]) ?? unknown
  if (more.length > 0) return unknown
  switch (first) {
    case '':
      return { page: 'overview' }
    case 'calls':
      if (second === undefined) return { page: 'calls', part: 'now' }
      return second === 'past' ? { page: 'calls', part: 'past' } : { page: 'call', id: second }
    case 'certificates':
      if (second === undefined) return { page: 'certificates' }
      // No certificate can be called so: names have no plus sign
      return second === '+' ? { page: 'new certificate' } : { page: 'certificate', name: second }
    case 'configuration':
      if (second === undefined) return { page: 'configuration', part: 'edit' }
      return second === 'effective' || second === 'history' ? { page: 'configuration', part: second } : unknown
    case 'zones':
    case 'registrations':
    case 'subscribers':
    case 'phone':
    case 'security':
    case 'log':
    case 'users':
    case 'audit':
    case 'account':
      return second === undefined ? { page: first } : unknown
    default:
      return unknown
  }
}

const teamsPlace = (part: string | undefined, of: string | undefined): Place | undefined => {
  if (part === undefined) return { page: 'teams', part: 'status' }
  if (part !== 'doctor' && part !== 'setup') return undefined
  return { page: 'teams', part, ...(of !== undefined && { of }) }
}

/** What stands behind the `?` of an address, by its name. */
export const queryOf = (hash: string): URLSearchParams => new URLSearchParams(hash.split('?')[1] ?? '')

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const callPath = (id: string): string => `/calls/${encodeURIComponent(id)}`
export const certificatePath = (name: string): string => `/certificates/${encodeURIComponent(name)}`
export const doctorPath = (zone: string): string => `/teams/doctor/${encodeURIComponent(zone)}`
