/** A call that Teams sends to the SBC (§3.2, §2.3): INVITE to one trunk after the other, what is expected of the answers, CANCEL. */
import { inviteHeaders, inviteParts } from './calling-invite.ts'
import { acknowledge, createLeg, type Leg, learn, note } from './leg.ts'
import { headerOf, hostText, isAddress, type Message, readMessage, tagOf, uriOf, uriPartsOf, valuesOf, writeMessage } from './message.ts'
import { AGENT } from './names.ts'
import { openProcessor, type Processor } from './processor.ts'
import type { Connection } from './sockets.ts'
import { newBranch, newTag } from './transactions.ts'
import type { CallingScenario, SiteName, Trunk } from './types.ts'
import type { World } from './world.ts'

/** One trunk that may take the call, and the name under which it is asked. */
export interface Way {
  readonly trunk: Trunk
  readonly fqdn: string
}

export interface Calling {
  readonly leg: Leg
  /** @throws Error when nothing can be cancelled any more */
  cancel(reason?: string): Promise<void>
}

/** 100 is wanted this fast, ms: not scaled. */
const AT_ONCE = 1500

/** What a 2xx to the hub's INVITE must show (§3.4). */
const judge200 = (leg: Leg, response: Message): void => {
  const { findings } = leg.world
  const contact = uriPartsOf(uriOf(valuesOf(response, 'contact')[0] ?? ''))?.host
  const hosts = valuesOf(response, 'record-route').map((value) => ({ uri: uriOf(value), host: uriPartsOf(uriOf(value))?.host ?? '' }))
  let fine = true
  const broken = (rule: string): void => {
    fine = false
    findings.violated(32, rule, response.text)
  }
  if (contact !== leg.fqdn) broken('Contact of the 200 does not show the SBC’s name')
  const own = hosts.findIndex(({ uri }) => uri === leg.recordRoute)
  if (own !== hosts.length - 1 || own < 0) broken('The hub’s own Record-Route does not end the list of the 200')
  const outer = hosts[hosts.length - 2]
  if (outer !== undefined && outer.host !== leg.fqdn) broken('The outer Record-Route of the 200 does not show the SBC’s name')
  if (fine) findings.seen(32, 'The SBC’s name in Contact and the outer Record-Route')
  if (hosts.length > 2 && isAddress(hosts[0]!.host))
    findings.warned(32, 'The inner Record-Route of the 200 shows an address', response.text)
}

const judgeProvisional = (leg: Leg, response: Message): void => {
  const { findings } = leg.world
  if (valuesOf(response, 'require').some((tag) => tag.toLowerCase() === '100rel') || headerOf(response, 'rseq') !== '')
    findings.violated(22, 'A reliable provisional response, which nobody offered', response.text)
}

/** Record-Routes of the SBC, nearest first, without the hub's own. */
const routesOf = (leg: Leg, response: Message): readonly string[] =>
  valuesOf(response, 'record-route')
    .toReversed()
    .filter((value) => uriOf(value) !== leg.recordRoute)

/** Sends the INVITE to the first way; the leg's state tells of the rest. */
export const place = async (
  world: World,
  site: SiteName,
  number: string,
  ways: readonly Way[],
  scenario: CallingScenario,
): Promise<Calling> => {
  const { findings, times, transactions } = world
  const bypass = ways[0]?.trunk.bypass === true
  const openMedia = (): Promise<Processor> =>
    openProcessor(world, scenario, {
      rtcpMux: scenario.rtcpMux ?? bypass,
      shortTagFirst: scenario.shortTagFirst ?? false,
      bypass,
    })
  const leg = createLeg(world, {
    ...{ direction: 'from-teams', site, callId: '', fqdn: '', sbcPort: 0, local: '', remote: '', localTag: '', remoteTag: undefined },
    ...{ target: '', routes: [], processor: await openMedia() },
  })
  let current:
    | { readonly connection: Connection; readonly branch: string; readonly uri: string; readonly to: string; ringing: boolean }
    | undefined
  let cancelled = false
  const finished = (status: number): void => {
    if (leg.state === 'ended') return
    leg.status ??= status
    leg.state = 'ended'
    world.watch.happened()
  }

  const attempt = async (index: number): Promise<void> => {
    const way = ways[index]
    if (way === undefined) {
      finished(leg.status ?? 408)
      return
    }
    const { trunk, fqdn } = way
    if (index > 0) {
      await leg.processor.close()
      leg.processor = await openMedia()
      world.tell(`next trunk: ${fqdn}`)
    }
    leg.callId = newTag()
    leg.localTag = newTag()
    leg.fqdn = fqdn
    leg.sbcPort = trunk.port
    leg.status = undefined
    let connection: Connection
    try {
      connection = await world.reach(site, fqdn, trunk.port, false, scenario.machine)
    } catch (error) {
      world.tell(`569002/504: ${fqdn} cannot be reached: ${(error as Error).message}`)
      leg.status = 504
      await attempt(index + 1)
      return
    }
    const parts = inviteParts(number, scenario, trunk, fqdn, world, leg.processor.offer('sendrecv'))
    const to = `<sip:${number}@${fqdn}:${trunk.port};user=phone>`
    leg.local = `${parts.from};tag=${leg.localTag}`
    const branch = newBranch()
    const via = `SIP/2.0/TLS ${hostText(connection.machine)}:${world.port};branch=${branch}`
    const text = writeMessage(`INVITE ${parts.uri} SIP/2.0`, inviteHeaders(leg, via, to, parts, bypass), parts.body)
    const mine = { connection, branch, uri: parts.uri, to, ringing: false }
    current = mine
    note(leg, 'hub', readMessage(text))
    findings.seen(29, 'INVITE of §3.2')

    let over = false
    let answered = false
    const takes = [
      world.after(AT_ONCE, () => {
        if (!answered) findings.violated(30, 'No 100 at once')
      }),
      world.after(trunk.failoverMs ?? times.failover, () => {
        if (mine.ringing || over) return
        over = true
        world.tell(`560408/408: ${fqdn} gave no sign within its time`)
        findings.violated(30, 'No provisional response above 100 within 10 s')
        leg.status = 408
        sendCancel(mine)
        void attempt(index + 1)
      }),
    ]
    const settle = (): void => {
      over = true
      for (const take of takes) take()
    }
    transactions.send(connection, branch, 'INVITE', text, (response) => {
      note(leg, 'sbc', response)
      if (!answered) {
        answered = true
        findings.seen(30, '100 at once')
      }
      if (response.status === 100) return
      const tag = tagOf(response, 'to') ?? ''
      if (response.status < 200) {
        judgeProvisional(leg, response)
        mine.ringing = true
        if (leg.state === 'calling') leg.state = 'ringing'
        if (response.body !== '' && !over) leg.processor.accept(response.body, tag)
        world.watch.happened()
        return
      }
      if (response.status >= 300) {
        if (over) return
        settle()
        leg.status = response.status
        const next = trunk.failoverCodes ?? [408, 503, 504]
        if (next.includes(response.status) && !mine.ringing && !cancelled) {
          if (ways[index + 1] !== undefined) findings.seen(30, `${response.status} leads to the next trunk`)
          void attempt(index + 1)
        } else {
          if (cancelled && response.status === 487) findings.seen(31, '200 to CANCEL, 487 to the INVITE')
          else findings.seen(30, 'Other codes end the call')
          finished(response.status)
        }
        return
      }
      if (leg.state === 'up' && leg.remoteTag === tag) {
        void acknowledge(leg, 1)
        return
      }
      settle()
      judge200(leg, response)
      leg.remote = headerOf(response, 'to')
      leg.remoteTag = tag
      leg.status = 200
      learn(leg, response, routesOf(leg, response))
      leg.processor.accept(response.body, tag)
      leg.processor.watch(() => leg.state !== 'ended')
      acknowledge(leg, 1).then(
        () => {
          leg.state = 'up'
          if (cancelled) findings.seen(31, 'A CANCEL that came too late: the 200 counts')
          world.watch.happened()
        },
        (error: Error) => {
          findings.violated(33, `The ACK cannot be sent: ${error.message}`, response.text)
          finished(200)
        },
      )
    })
  }
  const sendCancel = ({ connection, branch, uri, to }: NonNullable<typeof current>, reason?: string): void => {
    const text = writeMessage(`CANCEL ${uri} SIP/2.0`, [
      ['FROM', leg.local],
      ['TO', to],
      ['CSEQ', '1 CANCEL'],
      ['CALL-ID', leg.callId],
      ['MAX-FORWARDS', '70'],
      ['VIA', `SIP/2.0/TLS ${hostText(connection.machine)}:${world.port};branch=${branch}`],
      ['CONTENT-LENGTH', ''],
      ['USER-AGENT', AGENT[site]],
      ...(reason === undefined ? [] : [['REASON', reason] as const]),
    ])
    note(leg, 'hub', readMessage(text))
    transactions.send(connection, branch, 'CANCEL', text, (response) => {
      note(leg, 'sbc', response)
      if (response.status !== 200) findings.violated(31, `CANCEL is answered ${response.status}`, response.text)
    })
  }
  await attempt(0)
  return {
    leg,
    cancel: async (reason) => {
      if (current === undefined || leg.state === 'up' || leg.state === 'ended') throw new Error('there is nothing to cancel')
      cancelled = true
      if (reason !== undefined) findings.seen(31, 'CANCEL with Reason cause=200')
      sendCancel(current, reason)
    },
  }
}
