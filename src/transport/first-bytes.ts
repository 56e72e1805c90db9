import type { Socket } from 'node:net'

/**
 * Looks at what an accepted socket sends first, and hands it on with all the bytes that were not taken, as if nobody had looked.
 * Bounded in time by the limit for handshakes; `look` bounds it in bytes.
 * @param look is given everything so far, at least one byte; returns how much of it is taken, or undefined when it needs more.
 *   What it takes beyond its own part goes on with the socket
 * @param then takes the socket, unless it was destroyed
 */
export const firstBytes = (socket: Socket, look: (bytes: Buffer) => number | undefined, then: () => void): void => {
  const chunks: Buffer[] = []
  let length = 0
  const readable = (): void => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      chunks.push(chunk)
      length += chunk.length
    }
    if (length === 0) return
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    const taken = look(bytes)
    if (taken === undefined) {
      chunks.splice(0, chunks.length, bytes)
      return
    }
    socket.off('readable', readable)
    socket.off('error', ignore)
    if (socket.destroyed) return
    if (taken < bytes.length) socket.unshift(taken === 0 ? bytes : bytes.subarray(taken))
    then()
  }
  socket.on('readable', readable)
  socket.on('error', ignore)
}

const ignore = (): void => {}
