import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import type { AskerView } from '../admin/contract.ts'
import { own } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { firstHeader, type SipRequest } from '../sip/message.ts'
import { address } from '../sip/read.ts'
import { isSip, parseUri } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'

interface Asker {
  readonly zone: string
  readonly host: string
  /** Clock milliseconds. */
  at: number
  count: number
  /** The latest last. */
  readonly addresses: Set<string>
  readonly names: Set<string>
}

/** What peers call themselves they choose themselves: the one that was silent longest makes room. */
const MOST = 500
const MOST_EACH = 16
const MOST_LENGTH = 253

/** Who asks us whether we live (§11), of peers that have addresses. */
export class Askers {
  readonly #clock: Clock
  readonly #known = new Map<string, Asker>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  asked({ name }: Zone, flow: Flow, request: SipRequest): void {
    const host = hostOf(request).slice(0, MOST_LENGTH)
    const key = `${name} ${host}`
    const known = this.#known.get(key)
    const asker = known ?? { zone: name, host: own(host), at: 0, count: 0, addresses: new Set<string>(), names: new Set<string>() }
    asker.at = this.#clock.now()
    asker.count++
    note(asker.addresses, flow.remoteAddress)
    if (flow.peer?.verified) for (const shown of flow.peer.names) note(asker.names, shown)
    if (known !== undefined) this.#known.delete(key)
    // Latest last
    this.#known.set(own(key), asker)
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!)
  }

  /** Clock milliseconds of the last one of a zone; undefined: there was none. */
  lastAt(zone: string): number | undefined {
    let last: number | undefined
    for (const { zone: of, at } of this.#known.values()) if (of === zone) last = at
    return last
  }

  /** The latest first. */
  views(zone: string): readonly AskerView[] {
    const offset = this.#clock.wall() - this.#clock.now()
    return [...this.#known.values()]
      .filter((asker) => asker.zone === zone)
      .reverse()
      .map(({ host, at, count, addresses, names }) => ({
        host,
        lastAt: new Date(offset + at).toISOString(),
        count,
        addresses: [...addresses].reverse(),
        names: [...names].reverse(),
      }))
  }
}

const note = (values: Set<string>, value: string): void => {
  values.delete(value)
  values.add(own(value.slice(0, MOST_LENGTH)))
  if (values.size > MOST_EACH) values.delete(values.values().next().value!)
}

const hostOf = (request: SipRequest): string => {
  const from = firstHeader(request, 'from')
  const uri = from && parseUri(address(from)?.uri ?? '')
  return uri !== undefined && isSip(uri) ? bareHost(uri.host) : ''
}
