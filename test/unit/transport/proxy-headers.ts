/** PROXY headers as a load balancer writes them, put together after the specification by hand. */

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

export const v1 = (from: string, port: number, family = from.includes(':') ? 'TCP6' : 'TCP4'): Buffer =>
  Buffer.from(`PROXY ${family} ${from} ${family === 'TCP6' ? '2001:db8::1' : '192.0.2.1'} ${port} 5061\r\n`, 'latin1')

/** @param kind family and protocol: 0x11 is TCP over IPv4 @param body addresses and what follows */
export const v2 = (body: Buffer, kind = 0x11, command = 0x21): Buffer =>
  Buffer.concat([Buffer.from([...SIGNATURE, command, kind, body.length >> 8, body.length & 255]), body])

export const addresses4 = (from: readonly number[], port: number): Buffer =>
  Buffer.from([...from, 192, 0, 2, 1, port >> 8, port & 255, 0x13, 0xc5])

export const addresses6 = (from: Buffer, port: number): Buffer =>
  Buffer.concat([from, Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.from([port >> 8, port & 255, 0x13, 0xc5])])

export const extension = (type: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value])
