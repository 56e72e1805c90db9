import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LocalDaemon, type LocalDaemonOptions } from '../../../src/rtpengine/daemon.ts'
import type { ControlAddress } from '../../../src/rtpengine/daemon-ping.ts'
import { temporaryFolder } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { fakeDaemon, keepingLog, localMedia, manualClock } from './daemon-support.ts'

/** A supervisor around a program that plays rtpengine; real processes, pauses of milliseconds. */
const supervising = (body: string, options: Partial<LocalDaemonOptions> = {}) => {
  const folder = temporaryFolder('daemon')
  const clock = manualClock()
  const { log, lines } = keepingLog()
  const starts: ControlAddress[] = []
  const stops: string[] = []
  const daemon = new LocalDaemon({
    settings: localMedia('127.7.2.1', 19_000, 19_019),
    clock,
    log,
    binary: fakeDaemon(folder.path, body),
    account: 'ours',
    pauses: [1, 2, 3],
    started: (address) => starts.push(address),
    stopped: (why) => stops.push(why),
    ...options,
  })
  onTestFinished(async () => {
    await daemon.stop()
    folder.remove()
  })
  const pauses = () => lines.flatMap(({ fields }) => (fields.pauseMs === undefined ? [] : [fields.pauseMs]))
  const reach = (count: number, list: readonly unknown[], what: string) => until(() => (list.length >= count ? true : undefined), what)
  const kill = (): void => {
    process.kill(daemon.pid!, 'SIGKILL')
  }
  return { daemon, folder: folder.path, clock, log, lines, starts, stops, pauses, reach, kill }
}

/** 0 only asks whether it is there. */
const there = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('a daemon that runs', () => {
  test('is in service when it answers, not before', async () => {
    const { daemon, folder, starts } = supervising(
      `const { existsSync } = require('node:fs')
      const wait = setInterval(() => { if (existsSync(__dirname + '/now')) { clearInterval(wait); answer() } }, 5)`,
    )
    const start = daemon.start()
    await until(() => daemon.pid, 'process')
    expect([daemon.address, starts]).toEqual([undefined, []])
    writeFileSync(join(folder, 'now'), '')
    const address = await start
    expect(address.host).toBe('127.0.0.1')
    expect([daemon.address, starts]).toEqual([address, [address]])
  })

  test('gets nothing of our environment, and no working folder', async () => {
    process.env.EDGEWAYS_SECRET_OF_A_TEST = 'secret'
    onTestFinished(() => {
      delete process.env.EDGEWAYS_SECRET_OF_A_TEST
    })
    const { daemon, folder } = supervising(
      `require('node:fs').writeFileSync(__dirname + '/seen', JSON.stringify([Object.keys(process.env).sort(), process.cwd()])); answer()`,
    )
    await daemon.start()
    expect(JSON.parse(readFileSync(join(folder, 'seen'), 'utf8'))).toEqual([['LC_ALL', 'PATH'], '/'])
  })

  test('is ended by stop, and nobody is told', async () => {
    const { daemon, stops } = supervising('answer()')
    await daemon.start()
    const pid = daemon.pid!
    await daemon.stop()
    expect([there(pid), daemon.pid, daemon.address, stops]).toEqual([false, undefined, undefined, []])
    await daemon.stop()
  })

  test('is killed when it does not want to end', async () => {
    const { daemon } = supervising(`process.on('SIGTERM', () => {}); answer()`)
    await daemon.start()
    const pid = daemon.pid!
    await daemon.stop()
    expect(there(pid)).toBe(false)
  })

  test('is started once', async () => {
    const { daemon } = supervising('answer()')
    await daemon.start()
    expect(() => daemon.start()).toThrow('twice')
  })
})

describe('a daemon that ends', () => {
  test('is started again, at another address, and both ends are told', async () => {
    const { daemon, starts, stops, reach, kill } = supervising('answer()')
    const first = await daemon.start()
    kill()
    await reach(2, starts, 'second start')
    expect(stops).toEqual(["It was killed, by hand or for lack of memory (the kernel's log tells)"])
    expect(starts[0]).toEqual(first)
    expect(starts[1]?.port).not.toBe(first.port)
    expect(daemon.address).toEqual(starts[1])
  })

  test('again and again: the pauses grow to the last one', async () => {
    const { daemon, pauses, starts, stops, reach } = supervising(`console.error('CRIT: [core] Fatal error: No luck'); process.exit(255)`)
    await expect(daemon.start()).rejects.toMatchObject({
      code: 'SBC_MEDIA_DAEMON',
      message: 'rtpengine does not start: It ended with exit code 255; its last line: Fatal error: No luck',
    })
    await reach(5, stops, 'fifth end')
    expect(pauses().slice(0, 5)).toEqual([1, 2, 3, 3, 3])
    expect(starts).toEqual([])
  })

  test('after a minute in service: the pauses begin anew', async () => {
    const { daemon, pauses, starts, clock, reach, kill } = supervising('answer()')
    await daemon.start()
    for (const [count, servedMs] of [
      [2, 59_999],
      [3, 59_999],
      [4, 60_000],
    ] as const) {
      clock.pass(servedMs)
      kill()
      await reach(count, starts, `start ${count}`)
    }
    expect(pauses()).toEqual([1, 2, 1])
  })

  test('later than the first start it does not disturb who awaited that', async () => {
    const { daemon, folder, starts, reach } = supervising(
      `if (require('node:fs').existsSync(__dirname + '/well')) answer(); else process.exit(1)`,
    )
    await expect(daemon.start()).rejects.toThrow('exit code 1')
    writeFileSync(join(folder, 'well'), '')
    await reach(1, starts, 'start')
    expect(daemon.address).toEqual(starts[0])
  })

  test('without an answer: it is killed and started again', async () => {
    const { daemon, starts, stops, reach } = supervising('answer()', { watch: { everyMs: 5, pingMs: 100, missed: 2 } })
    await daemon.start()
    const pid = daemon.pid!
    process.kill(pid, 'SIGSTOP')
    await reach(2, starts, 'second start')
    expect(stops[0]).toBe('It did not answer 2 pings in a row, and was killed')
    expect(there(pid)).toBe(false)
  })
})

describe('a daemon that cannot be had', () => {
  test('the address is not of this machine: no process is even started', async () => {
    const { daemon, folder } = supervising(`require('node:fs').writeFileSync(__dirname + '/ran', ''); answer()`, {
      settings: localMedia('192.0.2.7', 19_000, 19_019),
    })
    await expect(daemon.start()).rejects.toThrow('192.0.2.7 is not an address of this machine')
    await daemon.stop()
    expect(() => readFileSync(join(folder, 'ran'))).toThrow('ENOENT')
  })

  test('no such program', async () => {
    const { daemon } = supervising('', { binary: '/nonexistent/rtpengine' })
    await expect(daemon.start()).rejects.toThrow('/nonexistent/rtpengine is not there any more; install the package rtpengine-daemon')
  })

  test('stopped before it answered: whoever waits is told', async () => {
    const { daemon, stops } = supervising('setInterval(() => {}, 1000)')
    const start = daemon.start()
    const refused = expect(start).rejects.toMatchObject({ code: 'SBC_MEDIA_CLOSED' })
    const pid = await until(() => daemon.pid, 'process')
    await daemon.stop()
    await refused
    expect([there(pid), stops]).toEqual([false, []])
  })

  test('stopped in a pause: at once', async () => {
    const { daemon, stops, reach } = supervising('process.exit(1)', { pauses: [60_000] })
    await expect(daemon.start()).rejects.toThrow('exit code 1')
    await reach(1, stops, 'end')
    await daemon.stop()
  })

  test('a mistake of whoever is told does not end the supervision', async () => {
    let first = true
    const { daemon, lines } = supervising('answer()', {
      started: () => {
        if (first) {
          first = false
          throw new TypeError('mistake')
        }
      },
    })
    const { port } = await daemon.start()
    await until(() => (daemon.address !== undefined && daemon.address.port !== port ? true : undefined), 'second start')
    expect(lines.some(({ fields }) => fields.err instanceof TypeError)).toBe(true)
  })
})

describe('other settings', () => {
  const settings = localMedia('127.7.2.1', 19_000, 19_019)

  test('that are the same change nothing', async () => {
    const { daemon, starts } = supervising('answer()')
    const address = await daemon.start()
    expect(await daemon.reconfigure(structuredClone(settings))).toBe(address)
    expect(starts.length).toBe(1)
  })

  test('mean another process, with them', async () => {
    const { daemon, folder, starts, stops } = supervising(
      `require('node:fs').writeFileSync(__dirname + '/arguments', process.argv.join(' ')); answer()`,
    )
    await daemon.start()
    const pid = daemon.pid!
    const address = await daemon.reconfigure({ ...settings, portMax: 19_099 })
    expect(there(pid)).toBe(false)
    expect([stops, starts.at(-1)]).toEqual([['Its settings were changed'], address])
    expect(readFileSync(join(folder, 'arguments'), 'utf8')).toContain('--port-max=19099')
  })
})
