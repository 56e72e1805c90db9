import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createNgClient, type NgClient, type NgObserver } from '../../../src/rtpengine/client.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import { lossOf, startRelay } from './relay.ts'

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '../../fixtures/sdp', name), 'latin1')
const PLAIN = fixture('pbx-offer-g711.sdp')

const engine = async (...extra: readonly string[]): Promise<Rtpengine> => {
  const started = await startRtpengine({ extra })
  onTestFinished(() => started.stop())
  return started
}

type Ending = Parameters<NgObserver['ended']>

const connect = (to: { readonly host: string; readonly port: number }) => {
  const endings: Ending[] = []
  const dropped: string[] = []
  const waiting = new Map<number, () => void>()
  const client = createNgClient({
    host: to.host,
    port: to.port,
    deadlineMs: 2500,
    observe: {
      ended: (...ending) => endings.push(ending),
      dropped: (why) => waiting.get(dropped.push(why))?.(),
    },
  })
  onTestFinished(() => client.close())
  const drops = (count: number): Promise<void> | undefined =>
    dropped.length >= count ? undefined : new Promise((resolve) => waiting.set(count, resolve))
  return { client, endings, dropped, drops }
}

const offer = (client: NgClient, callId: string, sdp = PLAIN) =>
  client.request('offer', {
    ...{ 'call-id': callId, 'from-tag': 'a', 'to-tag': 'b1', sdp, ICE: 'remove', 'transport-protocol': 'RTP/AVP' },
    ...{ 'rtcp-mux': ['demux'], replace: ['origin', 'session-connection'], supports: ['load limit'] },
  })

/** How often the daemon did something; what it answers from memory is not among it. */
const executed = async (daemon: Rtpengine, counter: 'offercount' | 'deletecount'): Promise<number> => {
  const { statistics } = (await daemon.request('statistics')) as {
    readonly statistics: { readonly controlstatistics: { readonly proxies: readonly Readonly<Record<string, number>>[] } }
  }
  return statistics.controlstatistics.proxies.reduce((sum, proxy) => sum + (proxy[counter] ?? 0), 0)
}

test('media §3: every command is understood, and what the daemon refuses is a reply', async () => {
  const daemon = await engine()
  const { client, endings } = connect(daemon)
  const ids = { 'call-id': 'all~1', 'from-tag': 'a', 'to-tag': 'b1' }
  expect(await client.request('ping', {})).toEqual({ result: 'pong' })
  expect(await offer(client, ids['call-id'])).toMatchObject({
    result: 'ok',
    sdp: expect.stringMatching(/^v=0\r\n[\s\S]*\r\nm=audio \d+ RTP\/AVP/),
  })
  const answer = await client.request('answer', { ...ids, sdp: fixture('pbx-answer-pcmu.sdp'), ICE: 'remove' })
  expect(answer).toMatchObject({ result: 'ok', sdp: expect.stringContaining('c=IN IP4 127.0.0.11') })
  expect(await client.request('query', { 'call-id': 'all~1' })).toMatchObject({ result: 'ok', tags: { a: {}, b1: {} } })
  expect(await client.request('list', { limit: 500 })).toEqual({ result: 'ok', calls: ['all~1'] })
  expect(await client.request('statistics', {})).toMatchObject({ result: 'ok', statistics: { currentstatistics: { sessionstotal: 1 } } })
  expect(await client.request('delete', { 'call-id': 'all~1', 'from-tag': 'a', 'delete-delay': 0 })).toMatchObject({
    result: 'ok',
    totals: {},
  })
  expect(await client.request('query', { 'call-id': 'all~1' })).toEqual({ result: 'error', 'error-reason': 'Unknown call-id' })
  expect(endings.map(([command, outcome]) => `${command} ${outcome}`)).toEqual([
    ...['ping ok', 'offer ok', 'answer ok', 'query ok', 'list ok', 'statistics ok', 'delete ok', 'query error'],
  ])
})

test('media §3: a daemon that is full answers with the load limit', async () => {
  const daemon = await engine('--max-sessions=1')
  const { client, endings } = connect(daemon)
  expect(await offer(client, 'first~1')).toMatchObject({ result: 'ok' })
  expect(await offer(client, 'second~1')).toMatchObject({ result: 'load limit', message: expect.any(String) })
  expect(endings.map(([, outcome]) => outcome)).toEqual(['ok', 'load-limit'])
})

test('media §2: bytes of an SDP that are no UTF-8 come through rtpengine as they were', async () => {
  const daemon = await engine()
  const { client } = connect(daemon)
  const high = Buffer.from(Array.from({ length: 128 }, (_, i) => 128 + i)).toString('latin1')
  const odd = '\xff\xc3(\xe2\x82\xed\xa0\x80\xf0\x9f'
  const sdp = PLAIN.replace(/^s=.*$/m, `s=${odd}`).replace(/\r\n$/, `\r\na=x-every:${high}\r\n`)
  const reply = await offer(client, 'caf\xe9\xff~1', sdp)
  const lines = Buffer.from(reply.sdp as string, 'latin1')
    .toString('latin1')
    .split('\r\n')
  expect(lines).toContain(`s=${odd}`)
  expect(lines).toContain(`a=x-every:${high}`)
  expect((await client.request('list', { limit: 500 })).calls).toEqual(['caf\xe9\xff~1'])
})

const OFFERS = 40
const LOSS = lossOf(0.4, 'media §2')
const ATTEMPTS = [1, 2, 3, 4, 5, 6, 7, 8]

/** What becomes of the command with that number, if each answer takes less time than the next resend. */
const fate = (index: number): { readonly arrives: boolean; readonly resends: number | undefined } => {
  let arrivals = 0
  for (const attempt of ATTEMPTS) {
    if (LOSS(index, attempt, 'there')) continue
    if (!LOSS(index, ++arrivals, 'back')) return { arrives: true, resends: attempt - 1 }
  }
  return { arrives: arrivals > 0, resends: undefined }
}

test('media §2: with 40 % loss each way hardly a command fails, and none is executed twice', async () => {
  const daemon = await engine()
  const relay = await startRelay(daemon, LOSS)
  onTestFinished(relay.close)
  const { client, endings } = connect(relay)
  const numbers = Array.from({ length: OFFERS }, (_, i) => i)
  const offers = numbers.map(fate)
  const deletes = numbers.map((i) => fate(OFFERS + i))
  // 1 - 0.64^8 = 97 %: the pattern is no lucky one
  for (const fates of [offers, deletes]) {
    const share = fates.filter(({ resends }) => resends !== undefined).length / OFFERS
    expect(share).toBeGreaterThan(0.92)
    expect(share).toBeLessThan(1)
  }

  const offered = await Promise.allSettled(numbers.map((i) => offer(client, `lossy${i}~1`)))
  expect(offered.map(({ status }) => status === 'fulfilled')).toEqual(offers.map(({ resends }) => resends !== undefined))
  for (const outcome of offered) {
    if (outcome.status === 'fulfilled') expect(outcome.value).toMatchObject({ result: 'ok' })
    else expect(outcome.reason).toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
  }
  const resends = endings.reduce((sum, ending) => sum + ending[3], 0)
  expect(resends).toBeGreaterThanOrEqual(offers.reduce((sum, one) => sum + (one.resends ?? 7), 0))
  const created = numbers.filter((i) => offers[i]!.arrives)
  expect(await executed(daemon, 'offercount')).toBe(created.length)
  expect([...(await daemon.list())].sort()).toEqual(created.map((i) => `lossy${i}~1`).sort())

  const deleted = await Promise.allSettled(
    numbers.map((i) => client.request('delete', { 'call-id': `lossy${i}~1`, 'from-tag': 'a', 'to-tag': 'b1', 'delete-delay': 0 })),
  )
  expect(deleted.map(({ status }) => status === 'fulfilled')).toEqual(deletes.map((one) => one.resends !== undefined))
  // The second of two deletes would find nothing, and say so
  for (const i of created) {
    const outcome = deleted[i]!
    if (outcome.status === 'fulfilled') expect(outcome.value.warning).toBeUndefined()
  }
  expect(await executed(daemon, 'deletecount')).toBe(deletes.filter((one) => one.arrives).length)
  expect([...(await daemon.list())].sort()).toEqual(
    created
      .filter((i) => !deletes[i]!.arrives)
      .map((i) => `lossy${i}~1`)
      .sort(),
  )
})

test('media §2: a daemon that stands still for a moment executes once, and its further replies are dropped', async () => {
  const daemon = await engine()
  const relay = await startRelay(daemon)
  onTestFinished(relay.close)
  const { client, endings, dropped, drops } = connect(relay)
  daemon.signal('SIGSTOP')
  const reply = offer(client, 'still~1')
  await relay.passed(0, 3)
  daemon.signal('SIGCONT')
  expect(await reply).toMatchObject({ result: 'ok' })
  await drops(2)
  expect(dropped).toEqual(['duplicate', 'duplicate'])
  expect(endings.map(([, outcome, , resends]) => [outcome, resends])).toEqual([['ok', 2]])
  expect(await executed(daemon, 'offercount')).toBe(1)
})

test('media §2: a daemon that died is silence, and is found again on the same socket', async () => {
  const daemon = await engine()
  const { client } = connect(daemon)
  await daemon.kill9()
  await expect(client.request('ping', {}, 400)).rejects.toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
  await daemon.restart()
  expect(await client.request('ping', {})).toEqual({ result: 'pong' })
})
