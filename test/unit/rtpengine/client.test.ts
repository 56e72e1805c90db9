import { createSocket, Socket } from 'node:dgram'
import { once } from 'node:events'
import { Client } from 'rtpengine-client'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createNgClient, type NgClient, type NgClientOptions, type NgObserver, type NgOutcome } from '../../../src/rtpengine/client.ts'
import type { NgCommand } from '../../../src/rtpengine/types.ts'
import { type NgDaemon, startNgDaemon } from './ng-daemon.ts'

type Why = Parameters<NgObserver['dropped']>[0]

/** What the client told, and a way to wait for what it has yet to tell. */
const observed = () => {
  const endings: { readonly command: NgCommand; readonly outcome: NgOutcome; readonly seconds: number; readonly resends: number }[] = []
  const dropped: Why[] = []
  const waiting: ((why: Why) => void)[] = []
  const observe: NgObserver = {
    ended: (command, outcome, seconds, resends) => endings.push({ command, outcome, seconds, resends }),
    dropped: (why) => {
      dropped.push(why)
      waiting.shift()?.(why)
    },
  }
  return { observe, endings, dropped, drop: (): Promise<Why> => new Promise((resolve) => waiting.push(resolve)) }
}

interface Place {
  readonly daemon: NgDaemon
  readonly client: NgClient
  readonly seen: ReturnType<typeof observed>
}

const place = async (options: Partial<NgClientOptions> = {}): Promise<Place> => {
  const daemon = await startNgDaemon()
  const seen = observed()
  const client = createNgClient({ host: daemon.host, port: daemon.port, deadlineMs: 2500, observe: seen.observe, ...options })
  onTestFinished(() => {
    client.close()
    daemon.close()
  })
  return { daemon, client, seen }
}

/** Only what the client uses: sockets, and those who wait for them, go on as ever. */
const stopTime = (): void => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
}

const ring = globalThis.setTimeout

/** A port that nobody listens on: it was bound a moment ago. */
const deadPort = async (): Promise<number> => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

const said = () => [vi.spyOn(console, 'log'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'error'), vi.spyOn(console, 'trace')]
let spies: ReturnType<typeof said> = []
beforeEach(() => {
  spies = said()
})
afterEach(() => {
  const calls = spies.flatMap((spy) => spy.mock.calls)
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  expect(calls, 'nothing is printed, whatever happens').toEqual([])
})

describe('media §2: replies', () => {
  test('media §2: a command goes out as bencode behind a cookie, and its reply comes back', async () => {
    const { daemon, client, seen } = await place()
    const reply = client.request('delete', {
      'call-id': 'K~1',
      'from-tag': 'a',
      'delete-delay': 0,
      supports: ['load limit'],
      nothing: undefined,
    })
    const arrival = await daemon.next()
    expect(arrival.cookie).toMatch(/^[0-9a-f-]{36}$/)
    expect(arrival.dictionary).toEqual({
      command: 'delete',
      'call-id': 'K~1',
      'from-tag': 'a',
      'delete-delay': 0,
      supports: ['load limit'],
    })
    arrival.reply({ result: 'ok', totals: { RTP: { packets: 7 } }, tags: ['a', 'b1'] })
    expect(await reply).toEqual({ result: 'ok', totals: { RTP: { packets: 7 } }, tags: ['a', 'b1'] })
    expect(seen.endings).toEqual([{ command: 'delete', outcome: 'ok', seconds: expect.any(Number), resends: 0 }])
    expect(seen.endings[0]!.seconds).toBeLessThan(2.5)
  })

  test.each(['offer', 'answer', 'delete', 'query', 'list', 'ping', 'statistics'] as const)(
    'media §2: %s keeps its name',
    async (command) => {
      const { daemon, client } = await place()
      daemon.answer(({ dictionary }) => ({ result: 'ok', heard: dictionary.command }))
      expect(await client.request(command, {})).toEqual({ result: 'ok', heard: command })
    },
  )

  test.each([
    ['pong', 'ok'],
    ['error', 'error'],
    ['load limit', 'load-limit'],
    ['something new', 'error'],
  ] as const)('media §3: the result "%s" resolves, and counts as %s', async (result, outcome) => {
    const { daemon, client, seen } = await place()
    daemon.answer(() => ({ result, 'error-reason': 'Unknown call-id' }))
    expect(await client.request('answer', {})).toEqual({ result, 'error-reason': 'Unknown call-id' })
    expect(seen.endings.map((ending) => ending.outcome)).toEqual([outcome])
  })

  test('media §2: replies find their commands in any order', async () => {
    const { daemon, client } = await place()
    const replies = ['one', 'two', 'three'].map((id) => client.request('query', { 'call-id': id }))
    const arrivals = [await daemon.next(), await daemon.next(), await daemon.next()]
    for (const arrival of arrivals.reverse()) arrival.reply({ result: 'ok', id: arrival.dictionary['call-id'] })
    expect((await Promise.all(replies)).map(({ id }) => id)).toEqual(['one', 'two', 'three'])
  })

  test('media §2: each byte of an SDP comes back as it was, also where it is no UTF-8', async () => {
    const { daemon, client } = await place()
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const body = Buffer.concat([Buffer.from('v=0\r\ns='), every, Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82, 0xed, 0xa0, 0x80])])
    const reply = client.request('offer', { sdp: body.toString('latin1') })
    const arrival = await daemon.next()
    // On the wire: each character above 127 as two bytes of UTF-8, and a length that counts bytes
    const text = arrival.dictionary.sdp as string
    expect(text.length).toBe(body.length + body.filter((byte) => byte > 127).length)
    expect(Buffer.from(text, 'latin1').toString('utf8')).toBe(body.toString('latin1'))
    arrival.reply({ result: 'ok', sdp: text })
    expect(Buffer.from((await reply).sdp as string, 'latin1')).toEqual(body)
  })
})

describe('media §2: datagrams that nobody waits for', () => {
  test('media §2: a reply after the deadline is late, and changes nothing', async () => {
    const { daemon, client, seen } = await place()
    const reply = client.request('offer', {}, 20)
    const arrival = await daemon.next()
    await expect(reply).rejects.toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
    const drop = seen.drop()
    arrival.reply({ result: 'ok' })
    expect(await drop).toBe('late')
    expect(seen.endings.map(({ outcome, resends }) => [outcome, resends])).toEqual([['timeout', 0]])
  })

  test('media §2: a second reply to the same command is a duplicate', async () => {
    const { daemon, client, seen } = await place()
    const reply = client.request('offer', {})
    const drop = seen.drop()
    const arrival = await daemon.next()
    arrival.reply({ result: 'ok', first: 1 })
    arrival.reply({ result: 'ok' })
    expect(await reply).toEqual({ result: 'ok', first: 1 })
    expect(await drop).toBe('duplicate')
    expect(seen.endings).toHaveLength(1)
  })

  test('media §2: cookies of the past are forgotten in time', async () => {
    const { daemon, client, seen } = await place()
    const first = client.request('ping', {})
    const arrival = await daemon.next()
    arrival.reply({ result: 'pong' })
    await first
    daemon.answer(() => ({ result: 'pong' }))
    for (let i = 0; i < 64; i++) await Promise.all(Array.from({ length: 64 }, () => client.request('ping', {})))
    const drop = seen.drop()
    arrival.reply({ result: 'pong' })
    expect(await drop).toBe('unknown')
  })

  const stranger = '00000000-0000-4000-8000-000000000000'
  test.each([
    ['a cookie that we never had', `${stranger} d6:result2:oke`, 'unknown'],
    ['nothing', '', 'malformed'],
    ['noise', 'SIP/2.0 200 OK\r\n\r\n', 'malformed'],
    ['a cookie alone', stranger, 'malformed'],
    ['a cookie and a space', `${stranger} `, 'malformed'],
    ['another cookie and JSON', `${stranger} {"result":"ok"}`, 'malformed'],
    ['another cookie and half a reply', `${stranger} d6:result2:ok`, 'malformed'],
  ] as const)('media §2: %s is dropped, and the command waits on', async (_what, datagram, why) => {
    const { daemon, client, seen } = await place()
    const reply = client.request('ping', {})
    const drop = seen.drop()
    const arrival = await daemon.next()
    daemon.send(datagram, arrival.from)
    expect(await drop).toBe(why)
    arrival.reply({ result: 'pong' })
    expect(await reply).toEqual({ result: 'pong' })
    expect(seen.dropped).toEqual([why])
  })
})

describe('media §2: replies that cannot be read', () => {
  test.each([
    ['nothing', ''],
    ['a text', '2:ok'],
    ['a number', 'i1e'],
    ['a list', 'l2:oke'],
    ['JSON', '{"result":"pong"}'],
    ['an empty dictionary', 'de'],
    ['a result that is no text', 'd6:resulti1ee'],
    ['no end', 'd6:result2:ok'],
    ['an end within a text', 'd3:sdp1000:v=0\r\no=- 1 1 IN IP4 192.0.2.1'],
    ['an end within a number', 'd6:resulti12'],
    ['an end within a length', 'd6:result12'],
    ['a length with a sign', 'd6:result+2:oke'],
    // The package's decoder steps back over it, and in a list again and again, until memory is full
    ['a length below zero', 'd1:xl-3:e6:result2:oke'],
    ['a length without digits', 'd6:result:e'],
    ['a length beyond all memory', `d6:result${'9'.repeat(400)}:e`],
    ['a key without a value', 'd6:result2:ok1:xe'],
    ['a number as key', 'di1e2:ok6:result2:oke'],
    ['a number without digits', 'd1:xiabce6:result2:oke'],
    ['lists without end', `d6:result2:ok1:x${'l'.repeat(60_000)}`],
    ['lists in lists', `d6:result2:ok1:x${'l'.repeat(30_000)}${'e'.repeat(30_000)}e`],
  ])('media §2: %s ends the command at once', async (_what, body) => {
    const { daemon, client, seen } = await place()
    const reply = client.request('query', {})
    const arrival = await daemon.next()
    arrival.replyRaw(body)
    await expect(reply).rejects.toMatchObject({ name: 'MediaError', code: 'SBC_MEDIA_REPLY' })
    expect(seen.endings.map(({ outcome }) => outcome)).toEqual(['malformed'])
    expect(seen.dropped).toEqual([])
  })
})

describe('media §2: deadline and resends', () => {
  test('media §2: the same datagram goes out again each quarter of a second, later a little slower, and never after the deadline', async () => {
    stopTime()
    const { daemon, client, seen } = await place()
    const reply = client.request('offer', { sdp: 'v=0' })
    const failed = expect(reply).rejects.toThrow(
      `rtpengine at 127.0.0.1:${daemon.port} did not answer "offer" within 2500 ms; it was sent 8 times`,
    )
    const first = await daemon.next()
    for (const [ms, times] of [
      [250, 2],
      [250, 3],
      [250, 4],
      [250, 5],
      [300, 6],
      [350, 7],
      [400, 8],
    ] as const) {
      vi.advanceTimersByTime(ms - 1)
      vi.advanceTimersByTime(1)
      const again = await daemon.next()
      expect(again.times).toBe(times)
      expect(again.bytes).toEqual(first.bytes)
    }
    vi.advanceTimersByTime(449)
    expect(seen.endings).toEqual([])
    vi.advanceTimersByTime(1)
    await failed
    expect(seen.endings).toEqual([{ command: 'offer', outcome: 'timeout', seconds: 2.5, resends: 7 }])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('media §2: nothing is sent again before its time', async () => {
    stopTime()
    const { daemon, client } = await place()
    const reply = client.request('offer', {})
    const first = await daemon.next()
    vi.advanceTimersByTime(249)
    // Whatever the client sent by now would come before this
    const other = client.request('ping', {})
    const second = await daemon.next()
    expect(second.dictionary.command).toBe('ping')
    first.reply({ result: 'ok' })
    second.reply({ result: 'pong' })
    await Promise.all([reply, other])
  })

  test('media §2: the reply to a resend ends the command, and its timers', async () => {
    stopTime()
    const { daemon, client, seen } = await place()
    const reply = client.request('answer', {})
    await daemon.next()
    vi.advanceTimersByTime(250)
    const again = await daemon.next()
    again.reply({ result: 'ok' })
    expect(await reply).toEqual({ result: 'ok' })
    expect(seen.endings).toEqual([{ command: 'answer', outcome: 'ok', seconds: 0.25, resends: 1 }])
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    [100, 0],
    [250, 0],
    [251, 1],
    [1000, 3],
    [10_000, 7],
  ])('media §2: within a deadline of %d ms it is sent again %d times', async (deadlineMs, resends) => {
    stopTime()
    const { client, seen } = await place()
    const reply = client.request('ping', {}, deadlineMs)
    const failed = expect(reply).rejects.toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
    vi.advanceTimersByTime(deadlineMs)
    await failed
    expect(seen.endings).toEqual([{ command: 'ping', outcome: 'timeout', seconds: deadlineMs / 1000, resends }])
  })

  test('media §2: after a standstill of the process one datagram goes out, not all that were missed', async () => {
    stopTime()
    const { daemon, client, seen } = await place()
    const reply = client.request('ping', {})
    const first = await daemon.next()
    const now = performance.now()
    const clock = vi.spyOn(performance, 'now').mockReturnValue(now + 1000)
    vi.advanceTimersByTime(250)
    clock.mockRestore()
    expect((await daemon.next()).times).toBe(2)
    vi.advanceTimersByTime(249)
    first.reply({ result: 'pong' })
    await reply
    expect(seen.endings.map(({ resends }) => resends)).toEqual([1])
  })

  test('media §2: a reply that lies in the socket when the deadline rings is a reply', async () => {
    stopTime()
    const { daemon, client, seen } = await place()
    const reply = client.request('ping', {}, 200)
    const arrival = await daemon.next()
    // Where deadlines ring: the datagram leaves in this very turn, and no socket is read before it is over
    ring(() => {
      arrival.reply({ result: 'pong' })
      process.nextTick(() => vi.advanceTimersByTime(200))
    }, 1)
    expect(await reply).toEqual({ result: 'pong' })
    expect(seen.dropped).toEqual([])
  })

  test('media §2: a port where nobody listens is no more than silence', async () => {
    const { client, seen } = await place({ port: await deadPort() })
    await expect(client.request('ping', {}, 300)).rejects.toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
    await expect(client.request('ping', {}, 20)).rejects.toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
    expect(seen.endings.map(({ outcome, resends }) => [outcome, resends])).toEqual([
      ['timeout', 1],
      ['timeout', 0],
    ])
  })
})

describe('media §2: what cannot be sent', () => {
  test('media §2: an SDP larger than a datagram is refused at once, and leaves nothing behind', async () => {
    stopTime()
    const { daemon, client, seen } = await place()
    await expect(client.request('offer', { sdp: 'x'.repeat(65_507) })).rejects.toThrow(
      `"offer" could not be sent to rtpengine at 127.0.0.1:${daemon.port}: send EMSGSIZE`,
    )
    await expect(client.request('offer', { sdp: 'x'.repeat(65_507) })).rejects.toMatchObject({ code: 'SBC_MEDIA_SEND' })
    expect(vi.getTimerCount()).toBe(0)
    daemon.answer(() => ({ result: 'pong' }))
    expect(await client.request('ping', {})).toEqual({ result: 'pong' })
    expect(seen.endings.map(({ outcome }) => outcome)).toEqual(['unsent', 'unsent', 'ok'])
  })

  test.each([
    ['a number that is not whole', { 'delete-delay': 0.5 }, 'delete-delay'],
    ['a number that is none', { limit: Number.NaN }, 'limit'],
    ['a boolean', { flags: ['strict-source', true] }, 'flags'],
    ['bytes', { sdp: Buffer.from([0xff]) }, 'sdp'],
    ['null', { codec: { strip: null } }, 'strip'],
    ['a function', { label: () => '' }, 'label'],
  ])('media §2: %s is a mistake of ours, and is told without a datagram', async (_what, dictionary, key) => {
    const { daemon, client, seen } = await place()
    await expect(client.request('offer', dictionary)).rejects.toMatchObject({
      code: 'SBC_INVARIANT',
      message: `The value of "${key}" in a command for rtpengine has no place in bencode`,
    })
    daemon.answer(() => ({ result: 'pong' }))
    await client.request('ping', {})
    expect(seen.endings.map(({ outcome }) => outcome)).toEqual(['unsent', 'ok'])
  })

  test('media §2: a dictionary within itself is a mistake of ours', async () => {
    const { client } = await place()
    const dictionary: Record<string, unknown> = {}
    dictionary.codec = dictionary
    await expect(client.request('offer', dictionary)).rejects.toMatchObject({ code: 'SBC_INVARIANT' })
  })

  test('media §2: names are not looked up', async () => {
    const { client } = await place({ host: 'localhost' })
    await expect(client.request('ping', {})).rejects.toThrow('its address is not an IPv4 address')
  })

  test('media §2: a local address is bound', async () => {
    const { daemon, client } = await place({ localAddress: '127.0.0.77' })
    const reply = client.request('ping', {})
    const arrival = await daemon.next()
    expect(arrival.from.address).toBe('127.0.0.77')
    arrival.reply({ result: 'pong' })
    await reply
  })

  test('media §2: an address that is not ours refuses every command, and is tried anew for the next', async () => {
    stopTime()
    const { daemon, client, seen } = await place({ localAddress: '192.0.2.1' })
    const two = [client.request('offer', {}), client.request('ping', {})]
    for (const reply of two) await expect(reply).rejects.toThrow('bind EADDRNOTAVAIL 192.0.2.1')
    expect(vi.getTimerCount()).toBe(0)
    const bind = vi.spyOn(Socket.prototype, 'bind').mockImplementationOnce(function (this: Socket) {
      return this.bind(0, '127.0.0.1')
    })
    daemon.answer(() => ({ result: 'pong' }))
    expect(await client.request('ping', {})).toEqual({ result: 'pong' })
    expect(bind).toHaveBeenCalledTimes(2)
    expect(seen.endings.map(({ command, outcome }) => [command, outcome])).toEqual([
      ['offer', 'unsent'],
      ['ping', 'unsent'],
      ['ping', 'ok'],
    ])
  })

  test('media §2: ten thousand commands wait at most', async () => {
    stopTime()
    const { daemon, client, seen } = await place()
    const waiting = Array.from({ length: 10_000 }, () => client.request('ping', {}).catch(() => {}))
    await daemon.next()
    await expect(client.request('ping', {})).rejects.toMatchObject({ code: 'SBC_MEDIA_SEND', message: /10000 commands wait/ })
    expect(seen.endings).toHaveLength(1)
    client.close()
    await Promise.all(waiting)
    expect(seen.endings).toHaveLength(10_001)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('media §2: the socket', () => {
  test('media §2: its buffers are large', async () => {
    const receive = vi.spyOn(Socket.prototype, 'setRecvBufferSize')
    const send = vi.spyOn(Socket.prototype, 'setSendBufferSize')
    const { daemon, client } = await place()
    daemon.answer(() => ({ result: 'pong' }))
    await client.request('ping', {})
    expect(receive.mock.calls).toEqual([[4 << 20]])
    expect(send.mock.calls).toEqual([[4 << 20]])
  })

  test('media §2: buffers that the system refuses are not worth a word, nor are those of the environment', async () => {
    vi.stubEnv('UDP_BUFSIZE', '99999999999999')
    vi.spyOn(Socket.prototype, 'setRecvBufferSize').mockImplementation(() => {
      throw new Error('ENOBUFS')
    })
    const { daemon, client } = await place()
    daemon.answer(() => ({ result: 'pong' }))
    expect(await client.request('ping', {})).toEqual({ result: 'pong' })
  })

  test('media §2: an error of the socket is survived', async () => {
    const sockets: Socket[] = []
    vi.spyOn(Socket.prototype, 'setRecvBufferSize').mockImplementation(function (this: Socket) {
      sockets.push(this)
    })
    const { daemon, client } = await place()
    const reply = client.request('ping', {})
    const arrival = await daemon.next()
    sockets[0]!.emit('error', new Error('recvmsg ENOMEM'))
    arrival.reply({ result: 'pong' })
    expect(await reply).toEqual({ result: 'pong' })
  })

  test('media §2: whatever the end, nothing is left in the package', async () => {
    const sent = vi.spyOn(Client.prototype, 'offer')
    const { daemon, client, seen } = await place()
    const replies = ['ok', 'timeout', 'malformed', 'closed'].map((label) =>
      client.request('offer', { label }, label === 'timeout' ? 20 : 2500),
    )
    const settled = Promise.allSettled([...replies, client.request('offer', { sdp: 'x'.repeat(65_507) })])
    const { messages } = sent.mock.contexts[0] as Client
    expect(messages.size).toBe(5)
    const [ok, , malformed] = [await daemon.next(), await daemon.next(), await daemon.next()]
    ok.reply({ result: 'ok' })
    malformed.replyRaw('')
    await Promise.allSettled(replies.slice(0, 3))
    client.close()
    await settled
    expect(seen.endings.map(({ outcome }) => outcome).sort()).toEqual(['closed', 'malformed', 'ok', 'timeout', 'unsent'])
    expect(messages.size).toBe(0)
  })

  test('media §2: close rejects what is under way at once, and leaves no timer', async () => {
    stopTime()
    const { daemon, client, seen } = await place()
    const replies = [client.request('offer', {}), client.request('delete', {})]
    const arrival = await daemon.next()
    client.close()
    for (const reply of replies) await expect(reply).rejects.toMatchObject({ name: 'MediaError', code: 'SBC_MEDIA_CLOSED' })
    expect(vi.getTimerCount()).toBe(0)
    arrival.reply({ result: 'ok' })
    client.close()
    await expect(client.request('ping', {})).rejects.toMatchObject({ code: 'SBC_MEDIA_CLOSED' })
    expect(seen.endings.map(({ command, outcome }) => [command, outcome])).toEqual([
      ['offer', 'closed'],
      ['delete', 'closed'],
      ['ping', 'closed'],
    ])
  })

  test('media §2: close between deadline and last look is a close, once', async () => {
    stopTime()
    const { client, seen } = await place()
    const reply = client.request('ping', {}, 100)
    vi.advanceTimersByTime(100)
    client.close()
    await expect(reply).rejects.toMatchObject({ code: 'SBC_MEDIA_CLOSED' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen.endings).toHaveLength(1)
  })

  test('media §2: a closed client holds no socket, also when it was closed before it was bound', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length
    const seen = observed()
    const make = (localAddress: string) =>
      createNgClient({ host: '127.0.0.1', port: 9, localAddress, deadlineMs: 100, observe: seen.observe })
    const clients = [make('127.0.0.1'), make('192.0.2.1'), make('127.0.0.1')]
    const replies = clients.slice(0, 2).map((client) => client.request('ping', {}))
    expect(sockets()).toBeGreaterThanOrEqual(3)
    for (const client of clients) client.close()
    for (const reply of replies) await expect(reply).rejects.toMatchObject({ code: 'SBC_MEDIA_CLOSED' })
    await vi.waitFor(() => expect(sockets()).toBe(0))
  })
})
