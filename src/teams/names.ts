/** Is a name good for a trunk (T §1.4), and does the world find us by it? */
import { isPublicAddress } from '../certs/intake/public-fetch.ts'
import { ipFamily } from '../zones/networks.ts'
import type { Outcome } from './checks.ts'
import type { NameCheck } from './types.ts'
import { type NameAnswer, ProbeError, type World } from './world.ts'

/** Of the FQDN of a trunk. */
const LONGEST = 63
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i
/** How long the DNS is waited for, ms. */
const DNS_MS = 8000

/** What is wrong with a name whatever the DNS says; undefined: nothing. */
export const faultOfName = (name: string): Outcome | undefined => {
  const shown = name.slice(0, 100)
  if (ipFamily(name) !== undefined)
    return bad(`${shown} is an address, and a trunk has a name`, 'Set "name" to a full host name such as sbc.example.com')
  if (name === '' || !name.split('.').every((label) => LABEL.test(label)))
    return bad(`"${shown}" is no host name`, 'A name has letters, digits and hyphens, with dots between its parts')
  if (!name.includes('.') || /\.(?:local|localhost|internal|lan|home|test|invalid|example|arpa)$/i.test(name))
    return bad(`${shown} is no name of the public DNS`, 'Take a name in a domain of yours that is verified in Microsoft 365')
  if (name.length > LONGEST) return bad(`${shown} has ${name.length} characters; a trunk has ${LONGEST} at most`, 'Take a shorter name')
  // T §1.4: what follows the first label has to be a domain of the tenant
  if (name.split('.').length < 3)
    return bad(`${shown} is a domain, and a trunk is a name in one`, `Take a name below it, such as sbc.${shown}`)
  if (/\.onmicrosoft\.(?:com|us)$/i.test(name))
    return bad(
      `${shown} is in ${shown.split('.').slice(-2).join('.')}, which Microsoft refuses for trunks`,
      'Take a name in a domain of your own that is verified in the tenant',
    )
  return undefined
}

/** The domain that has to be verified in the tenant: all but the first label. */
export const domainOf = (name: string): string => name.slice(name.indexOf('.') + 1)

/** Where we are reached, as far as we know. */
export interface OurAddresses {
  /** Our public address, if it is known. */
  readonly expected: string | undefined
  /** Those of this machine. */
  readonly own: readonly string[]
}

/** What the DNS says about a name that is to lead to us. */
export const judgeAnswer = (name: string, answer: NameAnswer, { expected, own }: OurAddresses): Outcome => {
  const { ipv4, ipv6, aliases, from } = answer
  const addresses = ipv4.map(({ address }) => address)
  const facts = [
    ...(addresses.length > 0 ? [['A', ipv4.map(({ address, ttl }) => `${address} (TTL ${ttl} s)`).join(', ')] as const] : []),
    ...(ipv6.length > 0 ? [['AAAA', ipv6.join(', ')] as const] : []),
    ...(aliases.length > 0 ? [['Alias of', aliases.join(', ')] as const] : []),
    ['Asked', from] as const,
  ]
  const record = `Make one A record for ${name}${expected === undefined || !isPublicAddress(expected) ? ' with the public address of this edge' : `: ${expected}`}`
  if (addresses.length === 0 && ipv6.length === 0) return { ...bad(`${name} has no address in the DNS`, record), facts }
  if (addresses.length === 0)
    return {
      verdict: 'warning',
      finding: `${name} has IPv6 addresses alone; Microsoft calls by IPv4 unless the trunk says otherwise`,
      remedy: `${record}, or: Set-CsOnlinePSTNGateway -IPAddressVersion IPv6 (without media bypass)`,
      facts,
    }
  const inside = addresses.find((address) => !isPublicAddress(address))
  if (inside !== undefined)
    return {
      ...bad(`${name} leads to ${inside}, an address that nobody reaches from outside`, `${record}; this one may stay in your own DNS`),
      facts,
    }
  if (addresses.length > 1)
    return {
      ...bad(
        `${name} has ${addresses.length} addresses (${addresses.join(', ')}); Microsoft supports one for each name`,
        'Leave one A record; a second edge gets a name and a trunk of its own',
      ),
      facts,
    }
  const [address = ''] = addresses
  const ours = address === expected || own.includes(address)
  if (!ours && expected !== undefined && isPublicAddress(expected) && ipFamily(expected) === 4)
    return {
      ...bad(`${name} leads to ${address}, and this edge has the address ${expected}`, `${record}, or set "public-address" right`),
      facts,
    }
  if (!ours)
    return {
      verdict: 'warning',
      finding: `${name} leads to ${address}; whether that is this edge is not known, since it knows no public address of its own`,
      remedy: `Set "public-address: ${address}" if that is where the edge is reached`,
      facts,
    }
  if (aliases.length > 0)
    return {
      verdict: 'good',
      finding: `${name} leads to ${address} by way of an alias (CNAME), which works`,
      facts,
    }
  return { verdict: 'good', finding: `${name} leads to ${address}, which is this edge`, facts }
}

/** Name and DNS. Never rejects. */
export const lookAtName = async (name: string, ours: OurAddresses, world: World, signal: AbortSignal): Promise<Outcome> => {
  const fault = faultOfName(name)
  if (fault !== undefined) return fault
  try {
    return judgeAnswer(name, await world.publicName(name, AbortSignal.any([signal, AbortSignal.timeout(DNS_MS)])), ours)
  } catch (error) {
    const why = error instanceof ProbeError ? error.message : String(error)
    return bad(
      `The DNS gives no answer for ${name}: ${why}`,
      'Is there a DNS server that this machine can ask, and is the domain delegated?',
    )
  }
}

/** For the wizard. Never rejects. */
export const checkName = async (written: string, ours: OurAddresses, world: World, signal: AbortSignal): Promise<NameCheck> => {
  const name = written.trim().replace(/\.$/, '').toLowerCase()
  const fault = faultOfName(name)
  const { expected } = ours
  const known = expected !== undefined && isPublicAddress(expected) ? { expected } : {}
  if (fault !== undefined) return { name, addresses: [], ...known, ...inWords(fault) }
  let addresses: readonly string[] = []
  const seen: World = {
    ...world,
    publicName: async (asked, abort) => {
      const answer = await world.publicName(asked, abort)
      addresses = [...answer.ipv4.map(({ address }) => address), ...answer.ipv6]
      return answer
    },
  }
  const outcome = await lookAtName(name, ours, seen, signal)
  return { name, addresses, ...known, ...inWords(outcome) }
}

const inWords = ({ verdict, finding, remedy }: Outcome): Pick<NameCheck, 'verdict' | 'finding' | 'remedy'> => ({
  ...{ verdict, finding },
  ...(remedy === undefined ? {} : { remedy }),
})

const bad = (finding: string, remedy: string): Outcome => ({ verdict: 'bad', finding, remedy })
