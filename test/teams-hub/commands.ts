/** What one can type into the simulator. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { HubCall } from './call.ts'
import { reportOf } from './findings.ts'
import type { CallingScenario, CertificateVariant, Hub, SiteName } from './types.ts'

export interface Place {
  readonly hub: Hub
  /** Name of the trunk. */
  readonly name: string
  /** Issues a new certificate for the SBC over the one before; the path of its chain. */
  renewCertificate(): string
}

/** What a command says, in lines. */
type Said = string | Promise<string>

interface Command {
  readonly usage: string
  readonly what: string
  run(words: readonly string[], place: Place): Said
}

const SITES: readonly string[] = ['sip', 'sip2', 'sip3']
const VARIANTS: readonly string[] = ['old-root', 'new-root', 'wrong-name', 'expired']

const siteOf = (word: string | undefined): SiteName => {
  if (word === undefined || !SITES.includes(word)) throw new Error(`Which hub? One of ${SITES.join(', ')}`)
  return word as SiteName
}
const lastCall = ({ hub }: Place, wanted: (call: HubCall) => boolean): HubCall => {
  const call = hub.calls().findLast(wanted)
  if (call === undefined) throw new Error('There is no such call')
  return call
}
const upCall = (place: Place): HubCall => lastCall(place, (call) => call.state() === 'up')
const called = async (place: Place, number: string | undefined, scenario: CallingScenario): Promise<string> => {
  if (number === undefined) throw new Error('Which number?')
  const call = await place.hub.call(number, scenario)
  call.ended(86_400_000).then(
    () => process.stdout.write(`The call to ${number} is over (${call.status() ?? 'no answer'})\n`),
    () => undefined,
  )
  call.up(86_400_000).then(
    () => process.stdout.write(`${number} answered\n`),
    () => undefined,
  )
  return `Calling ${number}`
}
const answered = async (what: string, response: Promise<{ readonly start: string }>): Promise<string> =>
  `${what}: ${(await response).start}`

const COMMANDS: Readonly<Record<string, Command>> = {
  call: { usage: 'call NUMBER', what: 'a Teams user calls out', run: ([number], place) => called(place, number, {}) },
  anonymous: {
    usage: 'anonymous NUMBER',
    what: 'the same, without showing a number',
    run: ([number], place) => called(place, number, { anonymous: true }),
  },
  forwarded: {
    usage: 'forwarded NUMBER',
    what: 'a call that two Teams users forwarded',
    run: ([number], place) => called(place, number, { forwardedBy: ['+442079460100', '+442079460055'] }),
  },
  emergency: {
    usage: 'emergency [NUMBER]',
    what: '112 without +, with a location',
    run: ([number = '112'], place) => called(place, number, { emergencyLocation: true }),
  },
  hold: { usage: 'hold', what: 'Teams holds the last call', run: (_words, place) => answered('hold', upCall(place).hold()) },
  resume: { usage: 'resume', what: 'and goes on', run: (_words, place) => answered('resume', upCall(place).resume()) },
  refresh: {
    usage: 'refresh',
    what: 'the re-INVITE that comes after half an hour',
    run: (_words, place) => answered('refresh', upCall(place).refresh()),
  },
  bye: { usage: 'bye', what: 'Teams ends the last call', run: (_words, place) => answered('bye', upCall(place).bye()) },
  cancel: {
    usage: 'cancel',
    what: 'Teams gives up a call that rings',
    run: async (_words, place) => {
      await lastCall(place, (call) => call.direction === 'from-teams' && call.state() === 'ringing').cancel(
        'SIP;cause=200;text="Call completed elsewhere"',
      )
      return 'cancelled'
    },
  },
  transfer: {
    usage: 'transfer',
    what: 'Teams transfers the last call by REFER',
    run: async (_words, place) => {
      await upCall(place).transfer('8:orgid:3f1b0c6e')
      return 'transferred'
    },
  },
  kill: {
    usage: 'kill HUB',
    what: 'a hub (sip, sip2, sip3) is gone',
    run: async ([word], { hub }) => {
      await hub.mood(siteOf(word), 'refusing')
      return `${word} is gone`
    },
  },
  silence: {
    usage: 'silence HUB',
    what: 'a hub answers nothing',
    run: async ([word], { hub }) => {
      await hub.mood(siteOf(word), 'silent')
      return `${word} says nothing`
    },
  },
  busy: {
    usage: 'busy HUB',
    what: 'a hub answers 503 with Retry-After',
    run: async ([word], { hub }) => {
      await hub.mood(siteOf(word), { retryAfter: 10 })
      return `${word} answers 503`
    },
  },
  heal: {
    usage: 'heal HUB',
    what: 'a hub is well again',
    run: async ([word], { hub }) => {
      await hub.mood(siteOf(word), 'well')
      return `${word} is well`
    },
  },
  move: {
    usage: 'move HUB ADDRESS',
    what: 'a hub has another address from now on',
    run: async ([word, address], { hub }) => {
      if (address === undefined) throw new Error('Which address?')
      await hub.move(siteOf(word), address)
      return `${word} is ${address} now`
    },
  },
  rotate: {
    usage: 'rotate',
    what: 'the SBC gets another certificate; reload it',
    run: (_words, place) => {
      const file = place.renewCertificate()
      place.hub.rotated(readFileSync(file, 'utf8'))
      return `${file} is another one now: reload the edge; two seconds from now requests with the one before are violations`
    },
  },
  'hub-certificate': {
    usage: 'hub-certificate WHICH [HUB]',
    what: `certificate of the hubs for new connections: ${VARIANTS.join(', ')}`,
    run: ([word, site], { hub }) => {
      if (word === undefined || !VARIANTS.includes(word)) throw new Error(`Which one? ${VARIANTS.join(', ')}`)
      hub.certificate(word as CertificateVariant, site === undefined ? undefined : siteOf(site))
      return `The hubs show the certificate ${word}`
    },
  },
  wins: {
    usage: 'wins contact|record-route',
    what: 'where requests inside calls go',
    run: ([word], { hub }) => {
      if (word !== 'contact' && word !== 'record-route') throw new Error('contact, or record-route?')
      hub.wins(word)
      return `Requests inside go where ${word} says`
    },
  },
  disable: {
    usage: 'disable',
    what: 'the trunk is not enabled: no new calls',
    run: (_words, { hub, name }) => {
      hub.trunk(name).enabled = false
      return `${name} is not enabled`
    },
  },
  enable: {
    usage: 'enable',
    what: 'and enabled again',
    run: (_words, { hub, name }) => {
      hub.trunk(name).enabled = true
      return `${name} is enabled`
    },
  },
  calls: {
    usage: 'calls',
    what: 'what is up, and what is over',
    run: (_words, { hub }) =>
      hub
        .calls()
        .map((call) => `${call.number} ${call.direction} ${call.state()} ${call.status() ?? ''}`)
        .join('\n') || 'none',
  },
  hubs: {
    usage: 'hubs',
    what: 'what the hubs know of the SBC, and connections',
    run: (_words, { hub, name }) =>
      [
        ...SITES.map((site) => `${site} (${hub.addresses[site as SiteName]}): the SBC is ${hub.health(name, site as SiteName)}`),
        ...hub
          .connections()
          .map(({ site, openedBy, remote, requests }) => `${site} ${openedBy === 'sbc' ? '<-' : '->'} ${remote}, ${requests} requests`),
      ].join('\n'),
  },
  report: {
    usage: 'report [FILE]',
    what: 'the checklist so far, as Markdown',
    run: ([file], { hub }) => {
      const text = reportOf(hub.findings.results())
      if (file === undefined) return text
      writeFileSync(file, text)
      return `Wrote ${file}`
    },
  },
}

export const helpText = (): string =>
  [...Object.values(COMMANDS), { usage: 'quit', what: 'ends it' }].map(({ usage, what }) => `  ${usage.padEnd(30)} ${what}`).join('\n')

/** @returns what to print; undefined: the end */
export const obey = async (line: string, place: Place): Promise<string | undefined> => {
  const [name = '', ...words] = line.trim().split(/\s+/)
  if (name === '') return ''
  if (name === 'quit' || name === 'exit') return undefined
  if (name === 'help') return helpText()
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) return `There is no command "${name}"; help shows all`
  try {
    return await command.run(words, place)
  } catch (error) {
    return (error as Error).message
  }
}
