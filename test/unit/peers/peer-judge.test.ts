import { X509Certificate } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import { PeerJudge } from '../../../src/peers/peer-judge.ts'
import { makeIntermediate, makeLeaf, makeRoot } from '../certs/intake/pki.ts'

const root = makeRoot()
const intermediate = makeIntermediate(root)
const leaf = makeLeaf(intermediate, ['hub.example.com'], { days: 1 })
const der = (pem: string): Buffer => new X509Certificate(pem).raw
const WHOLE = [der(leaf.certificate), der(intermediate.certificate)]
const NOW = Date.now() + 3_600_000

const start = () => {
  const verify = vi.spyOn(X509Certificate.prototype, 'verify')
  onTestFinished(() => verify.mockRestore())
  return { judge: new PeerJudge({ roots: [root.certificate], usage: 'server' }), verify }
}

test('the same chain is not judged twice in a minute', () => {
  const { judge, verify } = start()
  const { verdict } = judge.judge(WHOLE, [], NOW)
  expect(verdict).toMatchObject({ ok: true, path: { labels: ['hub.example.com', 'Intermediate', 'Root'] } })
  const tried = verify.mock.calls.length
  expect(judge.judge(WHOLE, [], NOW + 59_000).verdict).toBe(verdict)
  expect(verify).toHaveBeenCalledTimes(tried)
  judge.judge(WHOLE, [], NOW + 61_000)
  expect(verify.mock.calls.length).toBeGreaterThan(tried)
})

test('another chain of the same leaf is, and so is another name', () => {
  const { judge } = start()
  expect(judge.judge(WHOLE, [], NOW).verdict.ok).toBe(true)
  expect(judge.judge(WHOLE.slice(0, 1), [], NOW).verdict).toMatchObject({ reason: 'incomplete-chain' })
  expect(judge.judge(WHOLE, ['other.example.com'], NOW).verdict).toMatchObject({ reason: 'wrong-name' })
  expect(judge.judge(WHOLE, ['hub.example.com'], NOW).verdict.ok).toBe(true)
})

test('nothing is taken for valid after its end, or after a clock was set back', () => {
  const { judge } = start()
  const end = new X509Certificate(leaf.certificate).validToDate.getTime()
  expect(judge.judge(WHOLE, [], end - 1000).verdict.ok).toBe(true)
  expect(judge.judge(WHOLE, [], end + 1000).verdict).toMatchObject({ reason: 'expired' })
  expect(judge.judge(WHOLE, [], end - 86_400_000 * 2).verdict).toMatchObject({ reason: 'not-yet-valid' })
})

test('strangers cannot make it grow', () => {
  const { judge } = start()
  for (let at = 0; at < 1000; at++) judge.judge([Buffer.from([at & 255, at >> 8])], [], NOW)
  const { verdict } = judge.judge(WHOLE, [], NOW)
  for (let at = 0; at < 1000; at++) judge.judge([Buffer.from([at & 255, at >> 8])], [], NOW)
  expect(judge.judge(WHOLE, [], NOW).verdict).not.toBe(verdict)
})
