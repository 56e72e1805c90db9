import { createSocket } from 'node:dgram'
import { expect, test } from 'vitest'
import { Reports, senderReport } from '../../../src/demo/reports.ts'
import { readReports } from '../../support/media/rtcp.ts'

test('RFC 3550 §6.4.1, §6.5: a sender report and a name, in one packet', () => {
  const packet = senderReport({ ssrc: 0xfeedbeef, time: 0x89abcdef, packets: 7, bytes: 1120 }, 1_700_000_000_500)
  expect(packet.length % 4).toBe(0)
  expect(readReports(packet)).toMatchObject([
    { ssrc: 0xfeedbeef, sender: { time: 1_700_000_000_500, rtpTimestamp: 0x89abcdef, packets: 7, octets: 1120 } },
  ])
  expect(packet.toString('latin1')).toContain('echo@edgeways')
})

test('RFC 3605: reports go to where the other side wants them', async () => {
  const [ours, theirs] = [createSocket('udp4'), createSocket('udp4')]
  await Promise.all([ours, theirs].map((socket) => new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))))
  const reports = new Reports(ours, () => ({ ssrc: 1, time: 2, packets: 3, bytes: 4 }))
  const heard = new Promise<Buffer>((resolve) => theirs.once('message', resolve))
  reports.tell('0.0.0.0', theirs.address().port)
  reports.tell('127.0.0.1', theirs.address().port)
  expect(readReports(await heard)).toMatchObject([{ ssrc: 1 }])
  reports.close()
  theirs.close()
})
