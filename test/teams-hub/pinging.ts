/** OPTIONS both ways (§2): whom the hubs know, how often they hear of him, and their own pings to his Contact. */
import { identify, isFailure } from './identify.ts'
import { headerOf, hostText, type Message, parameterOf, uriOf, uriPartsOf, valuesOf, writeMessage } from './message.ts'
import { AGENT, ALLOW, hubName, regionalName } from './names.ts'
import type { Connection } from './sockets.ts'
import { newBranch, newGuid } from './transactions.ts'
import type { OptionsSeen, SiteName } from './types.ts'
import { answer, fail, type World } from './world.ts'

interface Known {
  readonly trunk: string
  readonly site: SiteName
  /** performance.now of the last OPTIONS, and of the one before it. */
  at: number
  before: number | undefined
  /** URI of its Contact. */
  contact: string
  /** So many OPTIONS may come at another pace: the hub was ill in between, or the SBC has another certificate. */
  disturbed: number
  takeBack: (() => void)[]
}

export interface Pinging {
  request(connection: Connection, message: Message): void
  /** The hub is treated otherwise: what it hears of the SBC may have any pace for a while. */
  disturbed(site: SiteName): void
  readonly seen: () => readonly OptionsSeen[]
  readonly health: (trunk: string, site: SiteName) => 'healthy' | 'unhealthy' | 'demoted' | 'never seen'
}

/** Timers of two programs do not agree to the millisecond; scaled ones less so. */
const SLACK = 0.1
const SLACK_MS = 150

const judgeForm = (world: World, message: Message): void => {
  const { findings } = world
  const own = uriPartsOf(message.uri)
  const names = [hubName('sip', world.cloud), hubName('sip2', world.cloud), hubName('sip3', world.cloud)]
  if (own === undefined || !names.includes(own.host))
    findings.violated(26, 'The Request-URI of OPTIONS does not name the hub', message.text)
  let fine = true
  for (const name of ['from', 'to', 'contact']) {
    if (uriPartsOf(uriOf(headerOf(message, name)))?.user === undefined) continue
    fine = false
    findings.warned(13, `${name} of OPTIONS has a user part`, message.text)
  }
  if (fine) findings.seen(13, 'From, To and Contact of OPTIONS are without a user')
  const contacts = valuesOf(message, 'contact')
  if (contacts.length > 0 && parameterOf(uriOf(contacts[0]!), 'transport') !== 'tls')
    findings.warned(12, 'Contact of OPTIONS is without transport=tls', message.text)
}

const judgeAnswer = ({ findings }: World, response: Message, fqdn: string, impostor: boolean): void => {
  if (impostor) {
    if (response.status !== 403)
      findings.violated(44, `A hub with a wrong certificate gets ${response.status} to its OPTIONS`, response.text)
    else findings.seen(44, '403 to OPTIONS of a hub with a wrong certificate')
    return
  }
  if (response.status !== 200) findings.violated(16, `The SBC answers OPTIONS with ${response.status}`, response.text)
  const contact = uriPartsOf(uriOf(headerOf(response, 'contact')))?.host
  if (contact !== fqdn) findings.violated(16, 'Contact of the 200 to OPTIONS does not show the SBC’s name', response.text)
  if (valuesOf(response, 'allow').length === 0) findings.violated(16, 'The 200 to OPTIONS has no Allow', response.text)
  if (response.status === 200 && contact === fqdn) {
    findings.seen(16, '200 with Contact and Allow')
    findings.seen(11, 'OPTIONS to the name in Contact, answered')
  }
}

export const createPinging = (world: World): Pinging => {
  const { findings, times, transactions } = world
  const known = new Map<string, Known>()
  const list: OptionsSeen[] = []
  const keyOf = (trunk: string, site: SiteName): string => `${trunk} ${site}`
  const note = (seen: OptionsSeen): void => {
    list.push(seen)
    if (list.length > 1000) list.shift()
    world.watch.happened()
  }
  const ping = async (one: Known): Promise<void> => {
    const parts = uriPartsOf(one.contact)
    if (parts === undefined || world.moods.get(one.site) === 'refusing') return
    try {
      const connection = await world.reach(one.site, parts.host, parts.port ?? 5061, false)
      const branch = newBranch()
      const regional = `sip:${regionalName(one.site, world.cloud)}:${world.port}`
      const request = writeMessage(`OPTIONS ${one.contact} SIP/2.0`, [
        ['FROM', `<${regional}>;tag=${newGuid()}`],
        ['TO', `<sip:${parts.host}>`],
        ['CSEQ', '1 OPTIONS'],
        ['CALL-ID', newGuid()],
        ['MAX-FORWARDS', '70'],
        ['VIA', `SIP/2.0/TLS ${hostText(connection.machine)}:${world.port};branch=${branch}`],
        ['CONTACT', `<${regional}>`],
        ['CONTENT-LENGTH', ''],
        ['USER-AGENT', AGENT[one.site]],
        ['ALLOW', ALLOW],
      ])
      transactions.send(connection, branch, 'OPTIONS', request, (response) => {
        if (response.status < 200) return
        if (response.text !== '') judgeAnswer(world, response, parts.host, world.impostor(connection))
        note({ site: one.site, direction: 'to-sbc', trunk: one.trunk, status: response.status, at: performance.now() })
      })
    } catch (error) {
      world.tell(`OPTIONS to ${parts.host}: ${(error as Error).message}`)
    }
  }
  const overdue = (one: Known): void => {
    for (const take of one.takeBack) take()
    const late = (ms: number, rule: string): (() => void) =>
      world.after(ms * (1 + SLACK) + SLACK_MS, () => {
        if ((world.moods.get(one.site) ?? 'well') === 'well' && one.disturbed === 0) findings.violated(14, rule)
      })
    one.takeBack = [
      late(times.optionsMost, 'A hub got no OPTIONS for longer than 180 s'),
      late(times.demoted, 'A hub got no OPTIONS for 5 min: the trunk is demoted'),
    ]
  }
  return {
    request: (connection, message) => {
      const { site } = connection
      judgeForm(world, message)
      const found = identify(world, connection, message, 12)
      if (isFailure(found)) {
        fail(world, connection, message, newGuid(), found)
        note({ site, direction: 'from-sbc', trunk: '', status: found.status, at: performance.now() })
        return
      }
      const { fqdn, trunk } = found
      if (fqdn !== trunk.fqdn)
        findings.violated(45, 'OPTIONS under the name of a customer; only the carrier’s name sends them', message.text)
      else findings.seen(12, 'Contact names the SBC')
      // §2.2: this 200 has no To tag, and no Contact
      answer(connection, message, 200, undefined)
      findings.seen(15, '200 without To tag, and the SBC goes on')
      const now = performance.now()
      note({ site, direction: 'from-sbc', trunk: fqdn, status: 200, at: now })
      const contact = uriOf(valuesOf(message, 'contact')[0] ?? '')
      const key = keyOf(fqdn, site)
      const before = known.get(key)
      if (before === undefined) {
        world.tell(`${fqdn} is known at ${site}: first OPTIONS`)
        const one: Known = { trunk: fqdn, site, at: now, before: undefined, contact, disturbed: 0, takeBack: [] }
        known.set(key, one)
        overdue(one)
        void ping(one)
        world.every(times.pinging, () => void ping(one))
        return
      }
      // One that was late makes the next one early; so two gaps are looked at, or one that is far too short
      const least = (gaps: number): number => gaps * times.optionsLeast * (1 - SLACK) - SLACK_MS
      const soon = now - before.at < least(0.5) || (before.before !== undefined && now - before.before < least(2))
      if (before.disturbed > 0) before.disturbed--
      else if (soon) findings.violated(14, 'A hub got two OPTIONS in less than 60 s', message.text)
      else findings.seen(14, 'OPTIONS at the right pace')
      before.before = before.disturbed > 0 ? undefined : before.at
      before.at = now
      before.contact = contact
      overdue(before)
    },
    disturbed: (site) => {
      for (const one of known.values()) if (one.site === site) one.disturbed = 2
    },
    seen: () => list,
    health: (trunk, site) => {
      const one = known.get(keyOf(trunk, site))
      if (one === undefined) return 'never seen'
      const age = performance.now() - one.at
      if (age > times.demoted) return 'demoted'
      return age > times.unhealthy ? 'unhealthy' : 'healthy'
    },
  }
}
