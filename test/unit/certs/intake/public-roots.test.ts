import { beforeAll, describe, expect, test, vi } from 'vitest'
import { completeChain } from '../../../../src/certs/intake/complete.ts'
import { judgeCertificate } from '../../../../src/certs/intake/judge.ts'
import { readUpload } from '../../../../src/certs/intake/upload.ts'
import { DAY } from '../support.ts'
import { type Made, makeIntermediate, makeLeaf, makeRoot } from './pki.ts'

// Nobody here has the key of a real one
const roots = vi.hoisted(() => [] as string[])
vi.mock('node:tls', async (original) => ({ ...(await original<typeof import('node:tls')>()), rootCertificates: roots }))

const now = Date.now() + 60_000
let root: Made
let intermediate: Made
let leaf: Made
/** Signed our root once, and ends soon. */
let older: Made
let crossed: Made
beforeAll(() => {
  root = makeRoot('/CN=Public')
  roots.push('nothing', root.certificate)
  intermediate = makeIntermediate(root)
  leaf = makeLeaf(intermediate)
  older = makeRoot('/CN=Older', { days: 20 })
  crossed = makeIntermediate(older, '/CN=Public', { key: root.key, days: 20 })
})

const pem = (...chain: readonly Made[]) => chain.map(({ certificate }) => certificate).join('')
const judge = (chain: readonly Made[], at = now, roots?: readonly string[]) =>
  judgeCertificate({
    chain: pem(...chain),
    key: chain[0]!.key,
    now: at,
    use: { hosts: [], ...(roots === undefined ? {} : { needs: { roots } }) },
  })

describe('a chain that leads to a public root', () => {
  test('is whole without it', () => {
    expect(judge([leaf, intermediate])).toEqual([])
    expect(judge([leaf]).map(({ text }) => text)).toEqual([expect.stringMatching(/^The chain stops at CN=sbc/)])
  })

  test('is not asked for, and nothing is fetched', async () => {
    const never = () => Promise.reject(new Error('asked'))
    const chain = pem(leaf, intermediate)
    expect(await completeChain(chain, never)).toEqual({ chain, complete: true, root: undefined, notes: [] })
  })

  test('has 398 days at most', () => {
    const long = makeLeaf(intermediate, ['sbc.example.com'], { days: 399 })
    expect(judge([long, intermediate, root]).map(({ text }) => text)).toEqual([
      'CN=sbc.example.com is valid for 399 days; browsers refuse more than 398',
    ])
    expect(judge([makeLeaf(intermediate, ['sbc.example.com'], { days: 398 }), intermediate])).toEqual([])
  })

  test('may go on to an older root: when that ends, only those who trust nothing else are cut off', () => {
    const late = now + 30 * DAY
    expect(judge([leaf, intermediate, crossed], late)).toEqual([
      expect.objectContaining({
        severity: 'warning',
        text: expect.stringMatching(/^CN=Public ended on/),
        remedy: 'Leave it out of the chain',
      }),
    ])
    expect(judge([leaf, intermediate, crossed], late, [older.certificate])).toEqual([
      expect.objectContaining({ severity: 'error', text: expect.stringMatching(/^CN=Public ended on/) }),
    ])
  })

  test('ends there, when it is brought beside the same one with another signature', async () => {
    for (const others of [pem(crossed, root, older), pem(older, root, crossed)]) {
      const upload = await readUpload({ chain: pem(leaf, intermediate) + others, key: leaf.key })
      expect(upload.chain).toBe(pem(leaf, intermediate))
      expect(upload.root).toBe(root.certificate)
    }
  })
})
