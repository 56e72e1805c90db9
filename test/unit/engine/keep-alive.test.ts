import { expect, test } from 'vitest'
import type { Edge } from '../../../src/engine/edge.ts'
import { KeepAlive } from '../../../src/engine/nat/keep-alive.ts'
import { Bindings } from '../../../src/registrar/bindings.ts'
import type { Binding } from '../../../src/registrar/types.ts'

test('thousands of bindings behind one address end in a time that grows with their number alone', () => {
  let now = 0
  const bindings = new Bindings(undefined, () => now)
  const keepAlive = new KeepAlive()
  keepAlive.start({ bindings } as Edge)
  for (let i = 0; i < 20_000; i++)
    bindings.put({
      ...{ aor: `user${i}@example.com`, key: 'sip:x@192.0.2.1', zone: 'phones', listener: 'public/udp', nat: [], expiresAt: 1000 },
      ...{ flow: { kind: 'datagram', address: '198.51.100.7', port: 5060 }, q: 1000, refreshedAt: 0 },
    } as unknown as Binding)
  now = 2000
  const before = performance.now()
  bindings.sweep()
  // A copy of what is left for each of them took seconds
  expect(performance.now() - before).toBeLessThan(500)
  expect(bindings.size).toBe(0)
  keepAlive.stop()
})
