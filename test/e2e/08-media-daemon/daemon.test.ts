import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { LogFields } from '../../../src/observability/log.ts'
import { executable, LocalDaemon, type LocalDaemonOptions } from '../../../src/rtpengine/daemon.ts'
import { findRtpengine, type LocalMedia } from '../../../src/rtpengine/daemon-arguments.ts'
import type { ControlAddress } from '../../../src/rtpengine/daemon-ping.ts'
import { temporaryFolder } from '../../support/places.ts'
import { start as startProgram, until } from '../../support/processes.ts'
import { bdecode, bencode } from '../../support/rtpengine.ts'

const BINARY = findRtpengine(process.env.PATH, executable)!
/** Of this test process alone, so that nobody else's ports matter. */
const ADDRESS = `127.8.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`
const PUBLIC = '203.0.113.5'
const KEY = 'd0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'

const media = (portMin: number, portMax: number): LocalMedia => ({
  interfaces: [{ name: 'wan', address: ADDRESS, advertised: PUBLIC }],
  portMin,
  portMax,
  maxSessions: 10,
})

interface Line {
  readonly fields: LogFields
  readonly text: string
}

const supervising = (settings: LocalMedia, options: Partial<LocalDaemonOptions> = {}) => {
  const lines: Line[] = []
  const keep = (fields: LogFields, text: string): void => {
    lines.push({ fields, text })
  }
  const log = { enabled: () => true, trace: keep, debug: keep, info: keep, warn: keep, error: keep, with: () => log }
  const starts: ControlAddress[] = []
  const stops: string[] = []
  const daemon = new LocalDaemon({
    settings,
    clock: { now: () => performance.now(), wall: () => Date.now() },
    log,
    binary: BINARY,
    started: (address) => starts.push(address),
    stopped: (why) => stops.push(why),
    ...options,
  })
  onTestFinished(() => daemon.stop())
  return { daemon, lines, starts, stops }
}

/** One ng command, sent once: on loopback nothing is lost. */
const request = ({ host, port }: ControlAddress, command: string, dictionary: object = {}): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    const cookie = randomBytes(8).toString('hex')
    const socket = createSocket('udp4')
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      socket.close()
      act()
    }
    const timer = setTimeout(() => finish(() => reject(new Error(`No reply to ${command}`))), 3000)
    socket.on('message', (datagram) =>
      finish(() => resolve(bdecode(datagram.toString('latin1').slice(cookie.length + 1)) as Record<string, unknown>)),
    )
    socket.send(Buffer.from(`${cookie} ${bencode({ command, ...dictionary })}`, 'latin1'), port, host)
  })

const SDP = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 4000 RTP/AVP 0', ''].join('\r\n')
const offer = (address: ControlAddress, callId: string, sdp = SDP) =>
  request(address, 'offer', { 'call-id': callId, 'from-tag': 'a', 'to-tag': 'b1', sdp })
const audioPort = (reply: Record<string, unknown>): number => Number(/m=audio (\d+)/.exec(String(reply.sdp))?.[1])

/** One that ended and was not yet collected by its parent does not run. */
const runs = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** Every IP socket of a process that is bound: `udp 0100007F:BC56`. */
const sockets = (pid: number): readonly string[] => {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []),
  )
  return ['udp', 'udp6', 'tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'latin1')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9] ?? ''))
      .map((fields) => `${table} ${fields[1]}`),
  )
}

const free = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => socket.close(() => resolve(false)))
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(true)))
  })

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')

describe('an rtpengine of our own', () => {
  test('answers within two seconds, listens for control on loopback alone, and may nothing', async () => {
    const { daemon } = supervising(media(29_000, 29_099))
    const before = performance.now()
    const address = await daemon.start()
    expect(performance.now() - before).toBeLessThan(2000)
    expect(await request(address, 'ping')).toEqual({ result: 'pong' })
    expect(sockets(daemon.pid!)).toEqual([`udp 0100007F:${hexPort(address.port)}`])
    const status = readFileSync(`/proc/${daemon.pid}/status`, 'latin1')
    expect(status).toMatch(/^CapEff:\t0+$/m)
    expect(status).toMatch(/^NoNewPrivs:\t1$/m)
    if (process.getuid?.() === 0) expect(status).not.toMatch(/^Uid:\t0/m)
  })

  test('media §12: serves with the addresses and ports of the settings', async () => {
    const { daemon } = supervising(media(29_000, 29_003))
    const address = await daemon.start()
    const reply = await offer(address, 'a~1')
    expect(reply.result).toBe('ok')
    expect(reply.sdp).toContain(`c=IN IP4 ${PUBLIC}`)
    expect([29_000, 29_002]).toContain(audioPort(reply))
    expect(await offer(address, 'a~2')).toMatchObject({ 'error-reason': 'Ran out of ports' })
    const { statistics } = (await request(address, 'statistics')) as {
      statistics: { interfaces: { name: string; address: { address: string } }[] }
    }
    expect(statistics.interfaces.map(({ name }) => name)).toEqual(['wan'])
  })

  test('killed: another one is there, elsewhere, and knows no calls', async () => {
    const { daemon, starts, stops } = supervising(media(29_000, 29_099))
    const first = await daemon.start()
    await offer(first, 'a~1')
    const pid = daemon.pid!
    process.kill(pid, 'SIGKILL')
    const second = await until(() => starts[1], 'second start', 3000)
    expect([stops.length, runs(pid), daemon.address]).toEqual([1, false, second])
    expect(await request(second, 'query', { 'call-id': 'a~1' })).toMatchObject({ result: 'error', 'error-reason': 'Unknown call-id' })
  })

  test('of a command that it refuses neither SDP nor keys are in our log', async () => {
    const { daemon, lines } = supervising(media(29_000, 29_099))
    const address = await daemon.start()
    const crypto = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}\r\n`
    expect(await offer(address, 'a@b~1', `v=0\r\nbroken\r\n${crypto}ERR: [core] forged ${KEY}\r\n`)).toMatchObject({ result: 'error' })
    const refused = await until(() => lines.find(({ text }) => text.includes('Failed to parse SDP')), 'line about the refusal')
    expect(refused.fields.callId).toBe('a@b')
    await daemon.stop()
    expect(JSON.stringify(lines)).not.toMatch(/inline|AES_CM|forged|v=0/)
    expect(JSON.stringify(lines)).not.toContain(KEY)
  })

  test('stopped: the process is gone, and its ports are free', async () => {
    const { daemon } = supervising(media(29_000, 29_099))
    const address = await daemon.start()
    const pid = daemon.pid!
    const port = audioPort(await offer(address, 'a~1'))
    expect([await free(ADDRESS, port), await free(address.host, address.port)]).toEqual([false, false])
    await daemon.stop()
    expect([runs(pid), await free(ADDRESS, port), await free(address.host, address.port)]).toEqual([false, true, true])
  })

  test('without permission for its folder: the reason names it, and it is tried again', async () => {
    const { daemon, stops } = supervising(media(29_000, 29_099), { recording: '/proc/nobody/may/write', pauses: [1] })
    await expect(daemon.start()).rejects.toMatchObject({
      code: 'SBC_MEDIA_DAEMON',
      message: expect.stringContaining('It cannot write to the folder for recordings /proc/nobody/may/write'),
    })
    await until(() => stops[1], 'second attempt')
  })

  test('a version that does not know our options ends in words, not in silence', async () => {
    const folder = temporaryFolder('daemon')
    onTestFinished(() => folder.remove())
    const binary = join(folder.path, 'rtpengine')
    writeFileSync(binary, `#!/bin/sh\nexec ${BINARY} --unheard-of=1 "$@"\n`, { mode: 0o755 })
    const { daemon } = supervising(media(29_000, 29_099), { binary, account: 'ours' })
    await expect(daemon.start()).rejects.toThrow('Edgeways needs rtpengine 10.5 or newer')
  })
})

describe('its parent', () => {
  const parent = async () => {
    const edge = startProgram(process.execPath, [
      fileURLToPath(new URL('peers/edge.ts', import.meta.url)),
      JSON.stringify(media(29_000, 29_099)),
    ])
    onTestFinished(async () => {
      await edge.stop('SIGKILL')
    })
    const [, pid, port] = (await edge.line((line) => line.startsWith('ready '), 'daemon')).split(' ').map(Number)
    onTestFinished(() => {
      if (runs(pid!)) process.kill(pid!, 'SIGKILL')
    })
    return { edge, pid: pid!, address: { host: '127.0.0.1', port: port! } }
  }

  test('is killed with SIGKILL: the daemon is gone within two seconds, and its ports are free', async () => {
    const { edge, pid, address } = await parent()
    const port = audioPort(await offer(address, 'a~1'))
    // A group of its own: nobody but the kernel can tell the daemon
    edge.signal('SIGKILL')
    // Its first thread is gone before those that hold the ports
    const gone = async () => !runs(pid) && (await free(ADDRESS, port)) && (await free(address.host, address.port))
    await until(async () => ((await gone()) ? true : undefined), 'end of the daemon', 2000)
    const { daemon } = supervising(media(29_000, 29_099))
    await daemon.start()
  })

  test('gets Ctrl-C: the daemon does not', async () => {
    const { edge, pid, address } = await parent()
    process.kill(-edge.pid, 'SIGINT')
    await edge.line((line) => line === 'interrupted', 'signal in the parent')
    expect([await request(address, 'ping'), runs(pid)]).toEqual([{ result: 'pong' }, true])
  })
})

describe('two edges on one machine', () => {
  test('with two ranges on one address both serve', async () => {
    const [one, two] = [supervising(media(29_000, 29_003)), supervising(media(29_004, 29_007))]
    const addresses = await Promise.all([one.daemon.start(), two.daemon.start()])
    const ports = await Promise.all(addresses.map(async (address) => audioPort(await offer(address, 'a~1'))))
    expect(ports.map((port) => (port < 29_004 ? 'first' : 'second'))).toEqual(['first', 'second'])
    expect(addresses[0].port).not.toBe(addresses[1].port)
  })

  test('with one range the second is refused in words, and comes up when the first stops', async () => {
    const one = supervising(media(29_000, 29_099))
    const two = supervising(media(29_050, 29_149), { pauses: [10] })
    await one.daemon.start()
    await expect(two.daemon.start()).rejects.toThrow('overlap those of another Edgeways on this machine (29000-29099)')
    expect(two.starts).toEqual([])
    await one.daemon.stop()
    const address = await until(() => two.starts[0], 'start of the second')
    expect(await request(address, 'ping')).toEqual({ result: 'pong' })
  })
})
