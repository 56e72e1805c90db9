import { basename, join } from 'node:path'
import type { Ground } from './crossing.ts'
import { literal, type Sipp, startSipp } from './sipp.ts'

const peers = join(import.meta.dirname, '..', 'e2e', '02-browser', 'peers')

export const SENDS_BYE = { ending: 'ending-sends-bye.xml' }
export const GETS_BYE = { ending: 'ending-gets-bye.xml' }

/** SIPp as the PBX behind browsers, on UDP; scenarios whose names begin with `calls` or `sends` begin by themselves. */
export const startPbx = (ground: Ground, scenario: string, values: Readonly<Record<string, string>> = {}): Promise<Sipp> => {
  const place = ground.targets.udp
  const begins = /^(calls|sends)/.test(basename(scenario))
  return startSipp({
    scenario: join(peers, scenario),
    values: {
      name: ground.name,
      host: place.address,
      self: `${place.address}:${place.port}`,
      selfPattern: literal(`${place.address}:${place.port}`),
      edge: literal(`${ground.inside}:${ground.targetsPort}`),
      wss: literal(`${ground.name}:${ground.wssPort}`),
      dialled: 'echo',
      hidden: `${literal(ground.outside)}[^0-9]|(Via|Route|Path|Contact):[^[:cntrl:]]*0\\.0\\.0\\.0`,
      byeCseq: '110',
      ...values,
    },
    transport: 'udp',
    ...place,
    folder: ground.folder,
    ...(values.callId === undefined ? {} : { callId: values.callId }),
    ...(begins ? { remote: { address: ground.inside, port: ground.targetsPort } } : {}),
  })
}
