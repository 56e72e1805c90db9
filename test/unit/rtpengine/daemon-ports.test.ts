import { createSocket } from 'node:dgram'
import { describe, expect, onTestFinished, test } from 'vitest'
import { heldRanges, reserveControl, reserveMedia } from '../../../src/rtpengine/daemon-ports.ts'
import { localMedia } from './daemon-support.ts'

const FIRST = '127.7.1.1'
const SECOND = '127.7.1.2'

const reserved = async (...settings: Parameters<typeof reserveMedia>) => {
  const reservation = await reserveMedia(...settings)
  onTestFinished(() => reservation.release())
  return reservation
}

const take = async (address: string, port: number): Promise<void> => {
  const socket = createSocket('udp4')
  onTestFinished(() => {
    socket.close()
  })
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind({ address, port, exclusive: true }, resolve))
}

describe('media ports', () => {
  test('two daemons never get the same ones: the second is refused, with the remedy', async () => {
    await reserved(localMedia(FIRST, 19_000, 19_099))
    await expect(reserveMedia(localMedia(FIRST, 19_000, 19_099))).rejects.toMatchObject({
      code: 'SBC_MEDIA_DAEMON',
      message:
        'The media ports 19000-19099 of 127.7.1.1 overlap those of another Edgeways on this machine (19000-19099); write another range under media.ports',
    })
  })

  test.each([
    ['the last port', 19_199, 19_250],
    ['the first port', 19_050, 19_100],
    ['a range inside', 19_120, 19_130],
    ['a range around', 19_000, 19_300],
  ])('an overlap counts: %s', async (_what, portMin, portMax) => {
    await reserved(localMedia(FIRST, 19_100, 19_199))
    await expect(reserveMedia(localMedia(FIRST, portMin, portMax))).rejects.toThrow('(19100-19199)')
  })

  test('neighbours do not clash, neither in ports nor in addresses', async () => {
    await reserved(localMedia(FIRST, 19_100, 19_199))
    await reserved(localMedia(FIRST, 19_200, 19_299))
    await reserved(localMedia(FIRST, 19_000, 19_099))
    await reserved(localMedia(SECOND, 19_100, 19_199))
  })

  test('one daemon may have two names for one address', async () => {
    const settings = localMedia(FIRST, 19_000, 19_099)
    await reserved({ ...settings, interfaces: [...settings.interfaces, { name: 'lan', address: FIRST, advertised: undefined }] })
  })

  test('they are free again after a release, and after a refusal nothing is held', async () => {
    const settings = localMedia(FIRST, 19_000, 19_099)
    const first = await reserveMedia(settings)
    await expect(reserveMedia({ ...settings, portMin: 19_050 })).rejects.toThrow('19050-19099')
    await first.release()
    await reserved({ ...settings, portMin: 19_050 })
  })

  test('an address of another machine is refused: rtpengine itself would start and fail with each call', async () => {
    await expect(reserveMedia(localMedia('192.0.2.7', 19_000, 19_099))).rejects.toMatchObject({
      code: 'SBC_MEDIA_DAEMON',
      message:
        '192.0.2.7 is not an address of this machine; under media.interfaces write one that is, and the public one as its "advertise"',
    })
  })

  test('a range that others have taken wholly is refused, one free pair is enough', async () => {
    for (const port of [19_400, 19_401, 19_402, 19_405]) await take(FIRST, port)
    await expect(reserveMedia(localMedia(FIRST, 19_400, 19_403))).rejects.toThrow(
      'No pair of the media ports 19400-19403 is free on 127.7.1.1; write another range under media.ports',
    )
    await expect(reserveMedia(localMedia(FIRST, 19_400, 19_405))).rejects.toThrow('19400-19405')
    await reserved(localMedia(FIRST, 19_400, 19_407))
  })

  test('/proc/net/unix is read by our names alone', () => {
    const table = [
      'Num       RefCount Protocol Flags    Type St Inode Path',
      '0000000000000000: 00000002 00000000 00010000 0001 01 39349 @edgeways-media/10.0.0.5/30000-31999/ab12',
      '0000000000000000: 00000002 00000000 00010000 0001 01 39350 @edgeways-media/2001:db8::5/30000-31999/cd34',
      '0000000000000000: 00000002 00000000 00010000 0001 01 39351 @edgeways-ng/40001',
      '0000000000000000: 00000002 00000000 00010000 0001 01 39352 /run/edgeways-media/10.0.0.5/1-2/ef',
      '0000000000000000: 00000003 00000000 00000000 0001 03 39353',
    ].join('\n')
    expect(heldRanges(table)).toEqual([
      { address: '10.0.0.5', portMin: 30_000, portMax: 31_999, id: 'ab12' },
      { address: '2001:db8::5', portMin: 30_000, portMax: 31_999, id: 'cd34' },
    ])
  })
})

test('control ports are on loopback, free, and different', async () => {
  const both = await Promise.all([reserveControl(), reserveControl()])
  onTestFinished(async () => {
    for (const one of both) await one.release()
  })
  expect(both.map(({ host }) => host)).toEqual(['127.0.0.1', '127.0.0.1'])
  expect(both[0].port).not.toBe(both[1].port)
  await take('127.0.0.1', both[0].port)
})
