import { append, indexOfHeader, line, type SipMessage } from '../../sip/message.ts'

/** §18.3: mandatory on streams, and WebSocket and UDP peers may leave it out (RFC 7118 §7); whoever gets the message from us has one. */
export const contentLength = <M extends SipMessage>(message: M): M =>
  indexOfHeader(message, 'content-length') >= 0 ? message : append(message, line('Content-Length', String(message.body.length)))
