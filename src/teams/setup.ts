/** The wizard: from answers to a configuration with a zone for Teams in it, comments kept. Done twice it changes nothing the second time. */
import type { ConfigCheck } from '../admin/contract.ts'
import type { ConfigProblem } from '../config/errors.ts'
import { readSource } from '../config/source.ts'
import { insertItem, type Patched, type Plain, setAt } from '../config/yaml-patch.ts'
import type { Path } from '../config/yaml-tree.ts'
import { HUB_PORT } from '../zones/microsoft.ts'
import { ipFamily } from '../zones/networks.ts'
import { faultOfName } from './names.ts'
import { formsOf, tidyNumber, trunkPrefixOf } from './national.ts'
import { KIND } from './patient.ts'
import { powershellFor } from './powershell.ts'
import type { SetupAnswers, SetupProposal } from './types.ts'

/** Where the configuration is, and what is known of this machine. */
export interface SetupSurroundings {
  /** Of the configuration now. */
  readonly text: string
  /** What is wrong with a text. */
  readonly check: (text: string) => ConfigCheck
  /** Addresses of this machine. */
  readonly own: readonly string[]
  /** The one public address that the DNS has for our name, if there is one. */
  readonly found: string | undefined
}

export const proposeSetup = (written: SetupAnswers, around: SetupSurroundings): SetupProposal => {
  const { text, check } = around
  const answers = tidied(written)
  const draft = new Draft(text)
  const problems: string[] = []
  const fault = faultOfName(answers.name)
  if (fault !== undefined) problems.push(inWords(fault.finding, fault.remedy))
  if (draft.readable) problems.push(...edit(draft, answers, around))
  else problems.push('The configuration is no YAML that can be read: put it in order on the configuration page first')
  if (draft.stuck)
    problems.push(
      'The file is written in a way that cannot be changed without touching its comments; make the change that is missing on the configuration page',
    )
  // Warnings stand against nothing: who applies the text sees them there
  const errors = check(draft.text).problems.filter(({ severity }) => severity === 'error')
  return {
    configuration: draft.text,
    changes: draft.changes,
    powershell: powershellFor(answers),
    problems: [...problems, ...errors.map(sentenceOf)],
  }
}

const sentenceOf = ({ path, message, remedy }: ConfigProblem): string => inWords(path === '' ? message : `${path}: ${message}`, remedy)
const inWords = (finding: string, remedy: string | undefined): string =>
  remedy === undefined || remedy === '' ? finding : `${finding}. ${remedy}`

const tidied = (answers: SetupAnswers): SetupAnswers => ({
  ...answers,
  name: answers.name.trim().replace(/\.$/, '').toLowerCase(),
  numbers: answers.numbers.map(tidyNumber).filter((number) => number !== ''),
  ...(answers.country === undefined ? {} : { country: answers.country.replace(/^\+/, '') }),
})

/** A part of the file as it is written, whatever that is. */
type Written = Readonly<Record<string, unknown>>

const mapOf = (value: unknown): Written => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Written) : {})
const listOf = (value: unknown): readonly unknown[] => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value])
const textsOf = (value: unknown): readonly string[] => listOf(value).map(String)

/** The text with the changes made to it so far. */
class Draft {
  text: string
  readonly changes: string[] = []
  /** A change could not be made. */
  stuck = false

  constructor(text: string) {
    this.text = text
  }

  get readable(): boolean {
    return 'document' in readSource(this.text)
  }

  /** The file as plain values. */
  get root(): Written {
    const source = readSource(this.text)
    return 'document' in source ? mapOf(source.document.toJS({ maxAliasCount: 100 })) : {}
  }

  part(key: string): Written {
    return mapOf(this.root[key])
  }

  set(path: Path, value: Plain, change: string): void {
    this.#take(setAt(this.text, path, value), change)
  }

  insert(path: Path, index: number, value: Plain, change: string): void {
    this.#take(insertItem(this.text, path, index, value), change)
  }

  #take(patched: Patched, change: string): void {
    if (patched === undefined) this.stuck = true
    else if (patched !== this.text) {
      this.text = patched
      this.changes.push(change)
    }
  }
}

/** @returns problems */
const edit = (draft: Draft, answers: SetupAnswers, { own, found }: SetupSurroundings): readonly string[] => {
  const { name, certificate } = answers
  const problems: string[] = []
  if (draft.root.name === undefined) draft.set(['name'], name, `Our name becomes ${name}`)
  if (mapOf(draft.part('certificates'))[certificate] === undefined)
    problems.push(`There is no certificate "${certificate}" in the configuration. Add it on the certificates page first`)
  // Behind a router; where others advertise another name, theirs would become this address, too
  if (draft.root['public-address'] === undefined && draft.root.name === name && found !== undefined && !own.includes(found))
    draft.set(['public-address'], found, `Our public address becomes ${found}, as the DNS says of ${name}`)
  const zone = nameOfZone(draft)
  const group = editListener(draft, zone, answers, own)
  editZone(draft, zone, group, answers)
  const pbx = editPbx(draft, answers, problems)
  if (pbx !== undefined) editRoutes(draft, zone, pbx, answers, problems)
  return problems
}

const kindOf = (zone: unknown): unknown => mapOf(zone).kind

/** The zone that is there, or a name that is free. */
const nameOfZone = (draft: Draft): string => {
  const zones = draft.part('zones')
  return Object.keys(zones).find((name) => kindOf(zones[name]) === KIND) ?? free('teams', zones)
}

const free = (wanted: string, taken: Written): string => {
  for (let count = 1; ; count++) {
    const name = count === 1 ? wanted : `${wanted}-${count}`
    if (taken[name] === undefined) return name
  }
}

// ---- the listener

/** `10.0.0.5:5061` → its two parts; the port is the usual one where there is none. */
const placeOf = (text: string): { readonly address: string; readonly port: number } => {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*(?::[^:]*:.*)?))(?::(\d+))?$/.exec(text) ?? []
  return { address: bracketed ?? plain ?? text, port: port === undefined ? HUB_PORT : Number(port) }
}
const placeText = (address: string, port: number): string => `${address.includes(':') ? `[${address}]` : address}:${port}`

const editListener = (draft: Draft, zone: string, answers: SetupAnswers, own: readonly string[]): string => {
  const { name, port, bind, certificate } = answers
  const groups = draft.part('listeners')
  const zones = draft.part('zones')
  const existing = textsOf(mapOf(zones[zone]).on).find((group) => mapOf(groups[group]).tls !== undefined) ?? idleGroup(groups, zones, port)
  const group = existing ?? free('teams', groups)
  if (existing === undefined) {
    const address = bind === undefined ? usualBind(groups, own) : placeOf(bind).address
    const advertise = draft.root.name === name ? {} : { advertise: name }
    draft.set(
      ['listeners', group],
      { tls: placeText(address, port), certificate, ...advertise },
      `A listener for Teams: ${placeText(address, port)}, in group ${group}`,
    )
    return group
  }
  const path = ['listeners', group]
  const settings = mapOf(groups[group])
  const [bound = ''] = textsOf(settings.tls)
  const at = placeOf(bound)
  const address = bind === undefined ? at.address : placeOf(bind).address
  // What is advertised for TLS: `advertise` may be one text or one for each transport
  const spoken = typeof settings.advertise === 'string' ? settings.advertise : mapOf(settings.advertise).tls
  const advertised = spoken === undefined ? undefined : placeOf(String(spoken))
  const shownName = advertised === undefined || advertised.address === 'name' ? draft.root.name : advertised.address
  const shownPort = /:\d+$/.test(String(spoken ?? '')) ? advertised!.port : at.port
  const forwarded = shownPort !== at.port
  const tlsPath = Array.isArray(settings.tls) ? [...path, 'tls', 0] : [...path, 'tls']
  const boundPort = forwarded ? at.port : port
  if (address !== at.address || boundPort !== at.port)
    draft.set(tlsPath, placeText(address, boundPort), `Listener group ${group} binds ${placeText(address, boundPort)}`)
  if (shownName !== name || (forwarded && shownPort !== port)) {
    const value = forwarded ? `${name}:${port}` : name
    const place = typeof settings.advertise === 'object' ? [...path, 'advertise', 'tls'] : [...path, 'advertise']
    draft.set(place, value, `Listener group ${group} advertises ${value}`)
  }
  if (textsOf(settings.certificate)[0] !== certificate) {
    const others = textsOf(settings.certificate).filter((one) => one !== certificate)
    const value: Plain = others.length === 0 ? certificate : [certificate, ...others]
    draft.set(
      [...path, 'certificate'],
      value,
      `Listener group ${group} shows certificate ${certificate}${others.length === 0 ? '' : ' first'}`,
    )
  }
  return group
}

/** A group for TLS alone that no zone is on, such as somebody has made for this. */
const idleGroup = (groups: Written, zones: Written, port: number): string | undefined => {
  const used = new Set(Object.values(zones).flatMap((zone) => textsOf(mapOf(zone).on)))
  return Object.keys(groups).find((group) => {
    const settings = mapOf(groups[group])
    const others = ['udp', 'tcp', 'ws', 'wss'].some((transport) => settings[transport] !== undefined)
    return !used.has(group) && !others && textsOf(settings.tls).some((text) => placeOf(text).port === port)
  })
}

/** The address of another listener that is not on loopback, or the first one of this machine, else all. */
const usualBind = (groups: Written, own: readonly string[]): string => {
  const bound = Object.values(groups).flatMap((group) =>
    ['tls', 'wss', 'udp', 'tcp'].flatMap((transport) => textsOf(mapOf(group)[transport])),
  )
  const outside = (address: string): boolean => ipFamily(address) === 4 && !address.startsWith('127.')
  return bound.map((text) => placeOf(text).address).find(outside) ?? own.find(outside) ?? '0.0.0.0'
}

// ---- the zone

const NUMBER_FIELDS = ['request-uri', 'from', 'to', 'p-asserted-identity']

const editZone = (draft: Draft, zone: string, group: string, { cloud, bypass, country }: SetupAnswers): void => {
  const before = draft.part('zones')[zone]
  const path = ['zones', zone]
  const rule: Plain | undefined = country === undefined ? undefined : e164Rule(country)
  if (before === undefined) {
    const value: Plain = {
      kind: KIND,
      on: group,
      ...(cloud === 'worldwide' ? {} : { cloud }),
      ...(bypass ? { media: { profile: 'teams-bypass' } } : {}),
      ...(rule === undefined ? {} : { numbers: { out: [rule] } }),
    }
    draft.set(path, value, `A zone ${zone} of kind ${KIND}: hubs, networks, roots and dialect follow from that`)
    return
  }
  const settings = mapOf(before)
  if (!textsOf(settings.on).includes(group)) draft.set([...path, 'on'], group, `Zone ${zone} is on listener group ${group}`)
  if ((settings.cloud ?? 'worldwide') !== cloud) draft.set([...path, 'cloud'], cloud, `Zone ${zone} is in the cloud ${cloud}`)
  const profile = mapOf(settings.media).profile ?? KIND
  if (bypass !== (profile === 'teams-bypass')) {
    const wanted = bypass ? 'teams-bypass' : KIND
    const place = typeof settings.media === 'string' ? [...path, 'media'] : [...path, 'media', 'profile']
    draft.set(
      place,
      typeof settings.media === 'string' ? { profile: wanted } : wanted,
      `Media of zone ${zone} ${bypass ? 'can bypass Microsoft (media bypass)' : 'goes to Microsoft (no media bypass)'}`,
    )
  }
  if (rule === undefined || country === undefined) return
  const change = `Numbers to Teams become +E.164, with the country code ${country}`
  const rules = mapOf(settings.numbers).out
  if (!Array.isArray(rules)) {
    draft.set([...path, 'numbers', 'out'], [rule], change)
    return
  }
  const index = rules.findIndex((one) => mapOf(one).e164 !== undefined)
  if (index < 0) draft.insert([...path, 'numbers', 'out'], rules.length, rule, change)
  else if (String(mapOf(mapOf(rules[index]).e164).country) !== country) draft.set([...path, 'numbers', 'out', index], rule, change)
}

const e164Rule = (country: string): Plain => {
  const prefix = trunkPrefixOf(country)
  return { e164: { country, ...(prefix === '0' ? {} : { 'trunk-prefix': prefix }) }, on: NUMBER_FIELDS }
}

// ---- the PBX and the routes

/** @returns undefined: there is none */
const editPbx = (draft: Draft, { pbx }: SetupAnswers, problems: string[]): string | undefined => {
  const zones = draft.part('zones')
  if ('zone' in pbx) {
    const kind = kindOf(zones[pbx.zone])
    if (zones[pbx.zone] !== undefined && kind !== KIND) return pbx.zone
    problems.push(
      zones[pbx.zone] === undefined ? `There is no zone "${pbx.zone}" for the PBX` : `Zone "${pbx.zone}" is Teams itself, and no PBX`,
    )
    return undefined
  }
  const { listener, uri } = pbx
  if (draft.part('listeners')[listener] === undefined) {
    problems.push(`There is no listener group "${listener}" for the PBX`)
    return undefined
  }
  const there = Object.keys(zones).find((name) => {
    const targets = listOf(mapOf(zones[name]).targets).map((target) => (typeof target === 'string' ? target : String(mapOf(target).uri)))
    return kindOf(zones[name]) !== KIND && targets.includes(uri)
  })
  if (there !== undefined) return there
  const name = free('pbx', zones)
  draft.set(['zones', name], { kind: 'trunk', on: listener, targets: [uri] }, `A zone ${name} for the PBX at ${uri}`)
  return name
}

const CONDITIONS = ['method', 'host', 'user', 'header', 'tenant']

const editRoutes = (draft: Draft, zone: string, pbx: string, { numbers, country }: SetupAnswers, problems: string[]): void => {
  const routes = (): readonly Written[] => listOf(draft.root.routes).map(mapOf)
  const plain = (route: Written): boolean => CONDITIONS.every((key) => route[key] === undefined)
  const covers = (from: string, to: string) => (route: Written) =>
    plain(route) && (route.from === undefined || textsOf(route.from).includes(from)) && textsOf(route.to).includes(to)
  const named = (wanted: string): string => free(wanted, Object.fromEntries(routes().map(({ name }) => [String(name), true])))

  if (!routes().some((route) => covers(zone, pbx)(route) && route.number === undefined))
    draft.insert(['routes'], 0, { name: named('from-teams'), from: zone, to: pbx }, `Calls from Teams go to ${pbx}`)
  const wanted = [...new Set(numbers.flatMap((number) => formsOf(number, country)))]
  if (wanted.length === 0) {
    problems.push(`No numbers of Teams users are named, so no call from ${pbx} goes to Teams. Name them, such as +4420794601xx`)
    return
  }
  // All that it calls goes there already
  if (routes().some((route) => covers(pbx, zone)(route) && route.number === undefined)) return
  const change = `Calls of ${pbx} to ${numbers.join(', ')} go to Teams`
  const value = wanted.length === 1 ? wanted[0]! : wanted
  const index = routes().findIndex((route) => covers(pbx, zone)(route) && route.number !== undefined)
  if (index < 0) draft.insert(['routes'], 0, { name: named('to-teams'), from: pbx, number: value, to: zone }, change)
  else if (textsOf(routes()[index]!.number).join() !== wanted.join()) draft.set(['routes', index, 'number'], value, change)
}
