/** A call that the SBC sends to Teams (§3.3, §3.6, §3.7): phones ring, one answers, or the call fails as it was told to. */

import { createLeg, dialogHeaders, type Leg, learn, note, ownTag, transact } from './leg.ts'
import { type HeaderPair, headerOf, type Message, sequenceOf, tagOf, uriOf, uriPartsOf, valuesOf } from './message.ts'
import type { Processor } from './processor.ts'
import type { Connection } from './sockets.ts'
import { newTag } from './transactions.ts'
import type { CalledScenario } from './types.ts'
import { answer, type Failure, fail, type Identity, type World } from './world.ts'

export interface Called {
  readonly leg: Leg
  readonly invite: Message
  /** Final response. */
  finish(status?: number): void
  acknowledged(ack: Message): void
  cancelled(): void
}

const FAILURES: Readonly<Record<number, Omit<Failure, 'status'>>> = {
  480: { code: '10037', words: 'No callee endpoints were found.', cause: 31 },
  486: { code: '10040', words: 'The callee is busy.', cause: 17 },
  487: { code: '540200', words: 'The call was answered elsewhere.', cause: 31 },
  500: { code: '510482', words: 'Loop detected.', cause: 31 },
  503: { code: '500003', words: 'The service is not available.', cause: 41 },
  603: { code: '510603', words: 'The callee declined.', cause: 21 },
}

/** Copies of a 200 without an ACK, ms (§13.3.1.4). */
const T1 = 500
const T2 = 4000

/** Rings at once; answers when the scenario says so. */
export const ring = (
  world: World,
  connection: Connection,
  invite: Message,
  identity: Identity,
  scenario: CalledScenario,
  processor: Processor,
): Called => {
  const { findings, times } = world
  const { ring: phones = 1, progress = false, final = 200, answerAfterMs = 0 } = scenario
  const localTag = newTag()
  const leg = createLeg(world, {
    direction: 'to-teams',
    site: connection.site,
    callId: headerOf(invite, 'call-id'),
    fqdn: identity.fqdn,
    sbcPort: identity.trunk.port,
    local: ownTag(headerOf(invite, 'to'), localTag),
    remote: headerOf(invite, 'from'),
    localTag,
    remoteTag: tagOf(invite, 'from'),
    target: uriOf(valuesOf(invite, 'contact')[0] ?? ''),
    routes: valuesOf(invite, 'record-route'),
    processor,
  })
  learn(leg, invite, undefined)
  note(leg, 'sbc', invite)
  let over = false
  const say = (status: number, tag: string, more: readonly HeaderPair[], body = ''): void => {
    answer(connection, invite, status, tag, more, body)
  }
  const remoteTag = leg.remoteTag ?? ''
  const timers = new Set<() => void>()
  const end = (status: number): void => {
    over = true
    leg.status = status
    leg.state = 'ended'
    for (const take of timers) take()
    world.watch.happened()
  }
  const sdpOf = (): string => processor.answer(invite.body, remoteTag)
  let acknowledged = false
  const accept = (): void => {
    let body: string
    try {
      body = sdpOf()
    } catch (error) {
      fail(world, connection, invite, localTag, {
        status: 488,
        code: '531000',
        words: `CannotSupportAnyMedia: ${(error as Error).message}`,
        cause: 88,
      })
      end(488)
      return
    }
    leg.status = 200
    leg.state = 'up'
    const timer = headerOf(invite, 'session-expires')
    const headers: readonly HeaderPair[] = [
      ...dialogHeaders(leg, invite, scenario.folded),
      ['CONTENT-TYPE', 'application/sdp'],
      ['SUPPORTED', 'timer'],
      ...(timer === '' ? [] : [['SESSION-EXPIRES', timer] as const]),
    ]
    const send = (wait: number): void => {
      if (acknowledged || over) return
      say(200, localTag, headers, body)
      const take = world.after(wait, () => send(Math.min(2 * wait, T2)))
      timers.add(take)
    }
    send(T1)
    processor.watch(() => leg.state === 'up')
    if (phones === 0) findings.seen(23, '200 without a ringing tone before it')
    timers.add(
      world.after(times.acknowledged, () => {
        if (acknowledged) return
        findings.warned(28, 'No ACK of the SBC within 32 s', invite.text)
        findings.seen(28, 'No ACK: the hub hangs up, and notes 1106')
        world.tell('1106/408: the SBC did not acknowledge the 200')
        void transact(leg, 'BYE').then(
          () => end(408),
          () => end(408),
        )
      }),
    )
  }
  const finish = (status = final): void => {
    if (over || leg.status !== undefined) return
    if (status === 200) {
      accept()
      return
    }
    const failure = FAILURES[status] ?? { code: `510${status}`, words: 'The call failed.', cause: 31 }
    const later: readonly HeaderPair[] = scenario.retryAfter === undefined ? [] : [['RETRY-AFTER', String(scenario.retryAfter)]]
    fail(world, connection, invite, localTag, { status, ...failure, headers: later })
    end(status)
  }
  answer(connection, invite, 100, undefined)
  const forks = Array.from({ length: phones }, (_, index) => (index === phones - 1 ? localTag : newTag()))
  for (const tag of forks) say(180, tag, dialogHeaders(leg, invite))
  leg.state = 'ringing'
  if (phones > 1) findings.seen(23, '180 of several phones with their own To tags')
  if (progress) {
    try {
      // On a fork of its own where several ring, else on the one that there is
      say(
        183,
        phones > 1 ? (forks[0] ?? localTag) : localTag,
        [...dialogHeaders(leg, invite), ['CONTENT-TYPE', 'application/sdp']],
        sdpOf(),
      )
      findings.seen(23, '183 with SDP before the 200')
    } catch (error) {
      findings.violated(21, `The offer cannot be answered: ${(error as Error).message}`, invite.text)
    }
  }
  if (answerAfterMs !== 'never') {
    if (answerAfterMs === 0) finish()
    else timers.add(world.after(answerAfterMs, () => finish()))
  }
  return {
    leg,
    invite,
    finish,
    acknowledged: (ack) => {
      if (sequenceOf(ack) !== sequenceOf(invite) || acknowledged) return
      acknowledged = true
      world.watch.happened()
    },
    cancelled: () => {
      if (over || leg.status !== undefined) return
      fail(world, connection, invite, localTag, { status: 487, code: '540487', words: 'The caller cancelled.', cause: 16 })
      end(487)
    },
  }
}

/** The number that is called. */
export const numberOf = (invite: Message): string => uriPartsOf(invite.uri)?.user?.split(';')[0] ?? ''
