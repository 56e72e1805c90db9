import { expect, test } from 'vitest'
import { Orders } from '../../../src/certs/orders.ts'

test('an order that has ended is told as one that does not run any more', async () => {
  const told: [string, boolean][] = []
  const orders = new Orders(
    async () => {},
    (name) => told.push([name, orders.runs(name)]),
  )
  orders.want('public')
  expect(orders.runs('public')).toBe(true)
  await new Promise(setImmediate)
  expect(told).toEqual([['public', false]])
})
