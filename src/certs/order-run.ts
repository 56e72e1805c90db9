import { CertificateError, EdgewaysError } from '../base/errors.ts'
import { notBefore } from './acme/errors.ts'
import { tellsFailure } from './alarms.ts'
import { type Care, install } from './care.ts'
import type { CertificateUse } from './intake/finding.ts'
import { makeRequest } from './intake/request.ts'
import { readIfThere } from './store.ts'
import type { AcmeSettings, KeyType, OrderStep } from './types.ts'
import { retryAfterFailure } from './upkeep.ts'
import type { Ward } from './ward.ts'

/** Steps of an order that are kept: one for a hundred names has more. */
const MOST_STEPS = 100

/**
 * Orders a certificate and puts it in force. Never rejects: what went wrong is in the state, in the log, and with those who want to know.
 * An order that is cut off by the end of the process stays `running` in the state, and so the next start knows.
 */
export const runOrder = async (care: Care, ward: Ward, signal: AbortSignal): Promise<void> => {
  const { source, hosts } = ward.entry
  if (source.kind !== 'acme') return
  const { name, state } = ward
  const { settings, keyType } = source
  const { clock, log } = care
  const steps: OrderStep[] = []
  const tell = (step: OrderStep, running = true): void => {
    steps.push(step)
    state.change({ order: { running, steps: steps.slice(-MOST_STEPS) } })
    care.told(name)
  }
  const step = (at: OrderStep['at'], text: string): OrderStep => ({ at, text, time: clock.wall() })
  const first = ward.pair === undefined
  tell(step('start', `A key is made (${keyType})`))
  try {
    care.shelf.assertOurs()
    checkKeyType(ward, keyType)
    const { csr, key } = await makeRequest({ hosts, keyType })
    const ours = state.value.ordered?.directory === settings.directory ? ward.pair : undefined
    const request = { name, hosts, keyType, ...(ours !== undefined && { replaces: ours.chain }) }
    const chain = await care.issuer(settings).issue(request, csr, tell, signal)
    signal.throwIfAborted()
    tell(step('check', 'The certificate is checked'))
    const wasTold = state.value.toldFailure
    const use = await measuredBy(ward, hosts, settings)
    await install(care, ward, { chain, key }, use, { ordered: { directory: settings.directory, hosts: [...hosts], keyType } })
    const validTo = ward.pair?.facts.validTo ?? ''
    tell(step('done', `In force until ${validTo.slice(0, 10)}`), false)
    care.counted(name, 'ok')
    if (wasTold === undefined) return
    const text = `Certificate ${name} was ordered after all; it is valid until ${validTo}`
    care.alarm({ kind: 'recovered', severity: 'info', certificate: name, text, time: new Date(clock.wall()).toISOString(), validTo })
  } catch (fault) {
    if (care.stopping.aborted) return
    if (signal.aborted) {
      tell(step('failed', 'The order was given up: the configuration has changed'), false)
      return
    }
    const text = fault instanceof Error ? fault.message : String(fault)
    tell(step('failed', text), false)
    care.counted(name, 'failed')
    log.warn({ err: fault, certificate: name }, first ? 'Certificate not ordered' : 'Certificate not renewed')
    remember(care, ward, fault, text)
  }
}

const remember = (care: Care, ward: Ward, fault: unknown, text: string): void => {
  const { name, state, pair } = ward
  const now = care.clock.wall()
  const code = fault instanceof EdgewaysError ? fault.code : 'SBC_CERTIFICATE_ORDER'
  const failures = state.value.failures + 1
  const validTo = pair?.validTo
  const retryAt = retryAfterFailure({ now, failures, validTo, notBefore: notBefore(fault), random: care.random() })
  const tells = tellsFailure(now, code, state.value.toldFailure)
  state.change({ failures, failure: { time: now, code, text, retryAt }, ...(tells && { toldFailure: { time: now, code } }) })
  care.told(name)
  if (!tells) return
  const soon = validTo === undefined || validTo - now < 7 * 86_400_000
  care.alarm({
    kind: 'renewal-failed',
    severity: soon ? 'error' : 'warning',
    certificate: name,
    text: `Certificate ${name} was not ${pair === undefined ? 'ordered' : 'renewed'}: ${text}`,
    remedy: `It is tried again after ${new Date(retryAt).toISOString()}`,
    time: new Date(now).toISOString(),
    ...(pair !== undefined && { validTo: pair.facts.validTo }),
  })
}

/** Before the CA is asked: what it would sign could not be put in force. */
const checkKeyType = ({ name, usage }: Ward, keyType: KeyType): void => {
  const family = keyType.startsWith('rsa') ? 'rsa' : 'ecdsa'
  const against = usage.needs.find(({ keyTypes }) => keyTypes !== undefined && !keyTypes.includes(family))
  if (against === undefined) return
  throw new CertificateError(
    'SBC_CERTIFICATE_USE',
    `${against.label} cannot use a key of type ${keyType}; set key of certificate ${name} to ${against.keyTypes!.includes('rsa') ? 'rsa2048' : 'ecdsa256'}, or take it from that listener`,
  )
}

/** What a CA sends is measured by what was ordered: names of listeners that were not are a warning in the view. */
const measuredBy = async ({ usage }: Ward, hosts: readonly string[], { trustFile }: AcmeSettings): Promise<readonly CertificateUse[]> => {
  const anchors = trustFile === undefined ? undefined : await readIfThere(trustFile)
  return [{ hosts, ...(anchors !== undefined && { anchors: [anchors] }) }, ...usage.needs.map((needs) => ({ hosts: [], needs }))]
}
