/** A transfer by REFER (§3.10), step by step, with everything that the SBC has to do for it. */

import { dialogHeaders, type Leg, transact } from './leg.ts'
import { headerOf, type Message, uriOf } from './message.ts'
import type { Connection } from './sockets.ts'
import { newGuid } from './transactions.ts'
import { answer, type World } from './world.ts'

export interface Transfer {
  /** A NOTIFY in the dialog of the REFER. */
  notified(connection: Connection, request: Message): void
  /** Whether an INVITE of the SBC is the one that was asked for; violations are noted. */
  isAskedFor(invite: Message): boolean
  readonly done: Promise<void>
}

/**
 * @param register hears of it before the REFER is sent: a NOTIFY may be faster than the 202
 * @throws Error when the SBC does not let itself be asked; then nothing was sent
 */
export const transfer = async (
  world: World,
  leg: Leg,
  to: string,
  register: (made: Transfer) => void,
  patience = 10_000,
): Promise<Transfer> => {
  const { findings } = world
  if (!leg.allow.includes('REFER') || !leg.allow.includes('NOTIFY')) {
    findings.seen(40, 'No REFER: Allow of the SBC has none')
    throw new Error('The SBC does not allow REFER: the hub transfers by itself')
  }
  const referTo = `<sip:sip.pstnhub.microsoft.com:${world.port};transport=tls;x-m=${to}>`
  const referredBy = `<sip:sip.pstnhub.microsoft.com:${world.port};x-m=8:orgid:${newGuid()};x-t=${newGuid()};x-ti=${newGuid()};x-tt=aHR0cHM6Ly9hcGkuZXhhbXBsZQ%3D%3D>`
  const codes: number[] = []
  let finish: () => void = () => undefined
  let refuse: (error: Error) => void = () => undefined
  const done = new Promise<void>((resolve, reject) => {
    finish = resolve
    refuse = reject
  })
  done.catch(() => undefined)
  world.after(patience, () => refuse(new Error('the NOTIFY with the final code did not come in time')))
  const made: Transfer = {
    done,
    notified: (connection, request) => {
      const fragment = /^SIP\/2\.0 (\d{3})/.exec(request.body)
      const fine = headerOf(request, 'event').startsWith('refer') && headerOf(request, 'content-type').startsWith('message/sipfrag')
      if (!fine || fragment === null) findings.violated(40, 'A NOTIFY of a REFER is not a sipfrag of event refer', request.text)
      answer(connection, request, 200, undefined, dialogHeaders(leg, request).slice(1))
      const code = Number(fragment?.[1] ?? 0)
      codes.push(code)
      if (code < 200) return
      if (!headerOf(request, 'subscription-state').startsWith('terminated'))
        findings.violated(40, 'The last NOTIFY of a REFER does not end the subscription', request.text)
      if (codes[0] !== 100) findings.violated(40, 'NOTIFY with 100 was left out', request.text)
      if (code === 200) {
        findings.seen(40, 'REFER: 202, NOTIFY, INVITE with Refer-To and Referred-By as they were, BYE by the hub')
        void transact(leg, 'BYE').then(() => {
          leg.state = 'ended'
          world.watch.happened()
          finish()
        }, refuse)
      } else finish()
    },
    isAskedFor: (invite) => {
      if (!invite.uri.includes('x-m=')) return false
      if (invite.uri !== uriOf(referTo)) findings.violated(40, 'The Request-URI is not the Refer-To, byte by byte', invite.text)
      if (headerOf(invite, 'referred-by') !== referredBy) findings.violated(40, 'Referred-By is not what the hub sent', invite.text)
      return true
    },
  }
  register(made)
  const response = await transact(leg, 'REFER', [
    ['REFER-TO', referTo],
    ['REFERRED-BY', referredBy],
  ])
  if (response.status !== 202) {
    findings.violated(40, `REFER, which Allow has, is answered ${response.status}`, response.text)
    throw new Error(`REFER: ${response.status}`)
  }
  return made
}
