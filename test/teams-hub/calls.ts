/** The calls of a stand-in: which request belongs to which, and what one can do with a call. */
import type { HubCall } from './call.ts'
import { type Called, numberOf, ring } from './called.ts'
import { type Calling, place, type Way } from './calling.ts'
import { identify, isFailure } from './identify.ts'
import { judgeInvite } from './invite-rules.ts'
import { isInside, judgeInside, type Leg, note, reinvite, reinvited, transact } from './leg.ts'
import { branchOf, headerOf, type Message, sequenceOf, tagOf } from './message.ts'
import { openProcessor } from './processor.ts'
import type { Connection } from './sockets.ts'
import { newTag } from './transactions.ts'
import { type Transfer, transfer } from './transfer.ts'
import type { CalledScenario, CallingScenario, SiteName } from './types.ts'
import { answer, fail, type World } from './world.ts'

interface Entry {
  readonly call: HubCall
  readonly leg: Leg
  readonly called: Called | undefined
}

export interface Calls {
  /** A request of the SBC other than OPTIONS. */
  request(connection: Connection, message: Message): void
  /** An INVITE met a hub that is ill: what it got, if anything. */
  refused(invite: Message, site: SiteName, status: number | undefined): void
  call(site: SiteName, number: string, ways: readonly Way[], scenario: CallingScenario): Promise<HubCall>
  incoming(ms: number): Promise<HubCall>
  readonly all: () => readonly HubCall[]
  close(): Promise<void>
}

/** After a final failure, another hub would be tried within this time, ms. */
const SOON = 400

export const createCalls = (world: World, userOf: (number: string) => CalledScenario | undefined): Calls => {
  const { findings } = world
  const entries: Entry[] = []
  const waiting: HubCall[] = []
  const transfers = new Map<Leg, Transfer>()
  /** By Call-ID and From tag: where an INVITE has been, and what it got there. */
  const tries = new Map<string, { readonly site: SiteName; status: number | undefined }[]>()

  const attempts = (invite: Message) => {
    const key = `${headerOf(invite, 'call-id')} ${tagOf(invite, 'from')} ${sequenceOf(invite)}`
    const known = tries.get(key) ?? []
    tries.set(key, known)
    return known
  }
  const tried = (invite: Message, site: SiteName): { status: number | undefined } => {
    const known = attempts(invite)
    const before = known.at(-1)
    if (before !== undefined) {
      if (before.status === 503 || before.status === undefined)
        findings.seen(25, 'Another hub after 503 with Retry-After, or after silence')
      else {
        findings.violated(25, `Another hub is tried after ${before.status}`, invite.text)
        findings.violated(24, `${before.status} does not end the call`, invite.text)
      }
    }
    const mine: { readonly site: SiteName; status: number | undefined } = { site, status: undefined }
    known.push(mine)
    return mine
  }
  const ended = (invite: Message, status: number): void => {
    const known = attempts(invite)
    const count = known.length
    if (![603, 480, 486, 487, 500].includes(status)) return
    world.after(SOON, () => {
      if (known.length === count) findings.seen(24, `After ${status} no other hub is tried`)
    })
  }

  const handleOf = (leg: Leg, number: string, called: Called | undefined, calling: Calling | undefined): HubCall => {
    const state = (wanted: 'up' | 'ended', ms: number): Promise<void> =>
      world.watch
        .until(
          () => {
            if (leg.state === wanted) return true
            if (wanted === 'up' && leg.state === 'ended') throw new Error(`the call ended with ${leg.status}`)
            return undefined
          },
          () => `${number}: the call is ${leg.state} and not ${wanted} within ${ms} ms`,
          ms,
        )
        .then(() => undefined)
    return {
      get callId() {
        return leg.callId
      },
      get trunk() {
        return leg.fqdn
      },
      direction: leg.direction,
      number,
      state: () => leg.state,
      status: () => leg.status,
      media: () => leg.processor.endpoint,
      messages: leg.messages,
      up: async (ms = 10_000) => {
        await state('up', ms)
        if (called === undefined) return
        await world.watch.until(
          () => leg.messages.some(({ from, message }) => from === 'sbc' && message.method === 'ACK') || undefined,
          () => `${number}: no ACK within ${ms} ms`,
          ms,
        )
      },
      ended: (ms = 10_000) => state('ended', ms),
      answer: async (status = 200) => {
        if (called === undefined) throw new Error('only who is called answers')
        called.finish(status)
      },
      bye: async () => {
        const response = await transact(leg, 'BYE')
        leg.state = 'ended'
        world.watch.happened()
        return response
      },
      cancel: async (reason) => {
        if (calling === undefined) throw new Error('only who calls cancels')
        await calling.cancel(reason)
      },
      hold: () => reinvite(leg, 'inactive'),
      resume: () => reinvite(leg, 'sendrecv'),
      refresh: () => reinvite(leg, undefined, [['SESSION-EXPIRES', '3600;refresher=uac']]),
      reinvite: (headers = []) => reinvite(leg, undefined, headers),
      transfer: async (to) => {
        const made = await transfer(world, leg, to, (one) => transfers.set(leg, one))
        await made.done
        const last = waiting.pop()
        if (last === undefined) throw new Error('no call came for the REFER')
        return last
      },
      refuseNext: (status) => {
        leg.refuseNext = status
      },
      withholdAck: () => {
        leg.withholdAck = true
      },
    }
  }
  const known = (entry: Entry): void => {
    entries.push(entry)
    const { leg } = entry
    if (world.options.refreshes === false) return
    const take = world.every(world.times.refresh, () => {
      if (leg.state === 'ended') take()
      else if (leg.state === 'up') void entry.call.refresh().catch((error: Error) => world.tell(`refresh: ${error.message}`))
    })
  }
  const begins = async (connection: Connection, invite: Message): Promise<void> => {
    const attempt = tried(invite, connection.site)
    const identity = identify(world, connection, invite, 18)
    if (isFailure(identity)) {
      attempt.status = identity.status
      fail(world, connection, invite, newTag(), identity)
      return
    }
    findings.seen(18, 'The SBC is known by its name, and the certificate is its own')
    const asked = [...transfers.values()].some((one) => one.isAskedFor(invite))
    const failure = asked ? undefined : judgeInvite(world, invite, identity)
    if (failure !== undefined) {
      attempt.status = failure.status
      fail(world, connection, invite, newTag(), failure)
      return
    }
    const number = numberOf(invite)
    const scenario = asked ? {} : (userOf(number) ?? {})
    if (scenario.silent === true) return
    const bypass = identity.trunk.bypass === true
    const processor = await openProcessor(world, scenario, { rtcpMux: true, shortTagFirst: false, bypass })
    world.tell(`${identity.fqdn} calls ${number} at ${connection.site}`)
    const called = ring(world, connection, invite, identity, scenario, processor)
    const { leg } = called
    const call = handleOf(leg, number, called, undefined)
    known({ call, leg, called })
    waiting.push(call)
    const settle = (): void => {
      attempt.status = leg.status
      if (leg.status !== undefined) ended(invite, leg.status)
    }
    if (leg.status !== undefined) settle()
    else
      void world.watch
        .until(
          () => leg.status !== undefined || undefined,
          () => 'no end',
          3_600_000,
        )
        .then(settle, () => undefined)
    world.watch.happened()
  }
  const inside = (connection: Connection, entry: Entry, request: Message): void => {
    const { leg, called } = entry
    // §17.1.1.3: an ACK to a failure belongs to its INVITE, which the branch says
    const failure = leg.messages.some(
      ({ from, message }) => from === 'sbc' && message.method === 'INVITE' && branchOf(message) === branchOf(request),
    )
    if (request.method === 'ACK' && failure) return
    note(leg, 'sbc', request)
    judgeInside(leg, request)
    switch (request.method) {
      case 'ACK':
        called?.acknowledged(request)
        return
      case 'BYE':
        answer(connection, request, 200, undefined)
        leg.state = 'ended'
        world.watch.happened()
        return
      case 'INVITE':
        reinvited(leg, connection, request)
        return
      case 'NOTIFY': {
        const one = transfers.get(leg)
        if (one === undefined) answer(connection, request, 200, undefined)
        else one.notified(connection, request)
        return
      }
      default:
        answer(connection, request, 405, undefined)
    }
  }
  const find = (request: Message): Entry | undefined =>
    entries.find(({ leg }) => isInside(leg, request) && (leg.direction === 'from-teams' || tagOf(request, 'to') === leg.localTag))
  return {
    request: (connection, request) => {
      if (request.method === 'CANCEL') {
        const entry = entries.find(
          ({ called }) => called !== undefined && headerOf(called.invite, 'call-id') === headerOf(request, 'call-id'),
        )
        answer(connection, request, entry === undefined ? 481 : 200, newTag())
        entry?.called?.cancelled()
        return
      }
      const entry = find(request)
      if (entry !== undefined) inside(connection, entry, request)
      else if (request.method === 'ACK') world.watch.happened()
      else if (tagOf(request, 'to') !== undefined) {
        findings.violated(42, `${request.method} belongs to no dialog of the hub`, request.text)
        answer(connection, request, 481, newTag())
      } else if (request.method === 'INVITE') void begins(connection, request)
      else answer(connection, request, 405, newTag())
    },
    refused: (invite, site, status) => {
      tried(invite, site).status = status
    },
    call: async (site, number, ways, scenario) => {
      const calling = await place(world, site, number, ways, scenario)
      const call = handleOf(calling.leg, number, undefined, calling)
      known({ call, leg: calling.leg, called: undefined })
      return call
    },
    incoming: (ms) =>
      world.watch.until(
        () => waiting.shift(),
        () => `no call to Teams came within ${ms} ms`,
        ms,
      ),
    all: () => entries.map(({ call }) => call),
    close: async () => {
      await Promise.all(entries.map(({ leg }) => leg.processor.close()))
    },
  }
}
