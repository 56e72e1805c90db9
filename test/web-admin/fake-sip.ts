/** As much of SIP over WebSocket as the test phone needs to register, and to be refused. */
import type { Server } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'

const REFUSALS: Readonly<Record<string, string>> = { busy: '486 Busy Here' }

/** REGISTER is accepted; calls are refused. */
export const answerSip = (server: Server): { close(): void } => {
  const sockets = new WebSocketServer({ server, path: '/phone/sip', handleProtocols: () => 'sip' })
  sockets.on('connection', (socket) => socket.on('message', (data) => answer(socket, String(data))))
  return {
    close: () => {
      for (const one of sockets.clients) one.terminate()
      sockets.close()
    },
  }
}

const answer = (socket: WebSocket, text: string): void => {
  const [start = '', ...lines] = text.split('\r\n')
  const [method, uri = ''] = start.split(' ')
  if (method === 'ACK' || method === undefined || method.startsWith('SIP/')) return
  const header = (name: string): readonly string[] => lines.filter((line) => line.toLowerCase().startsWith(`${name}:`))
  const status = method === 'REGISTER' ? '200 OK' : (REFUSALS[/^sip:([^@]+)/.exec(uri)?.[1] ?? ''] ?? '404 Not Found')
  const to = header('to').map((line) => (line.includes(';tag=') ? line : `${line};tag=fake`))
  const contacts = method === 'REGISTER' ? header('contact').map((line) => `${line.replace(/;expires=\d+/, '')};expires=600`) : []
  const kept = [...header('via'), ...header('from'), ...to, ...header('call-id'), ...header('cseq'), ...contacts]
  socket.send([`SIP/2.0 ${status}`, ...kept, 'Content-Length: 0', '', ''].join('\r\n'))
}
