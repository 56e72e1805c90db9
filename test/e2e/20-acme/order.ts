import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { createSecureContext, createServer as createTlsServer, type SecureContext, type TLSSocket } from 'node:tls'
import acme from 'acme-client'
import { createHttpResponder, type HttpResponder } from '../../../src/certs/acme/http-responder.ts'
import { type AcmeDeps, createAcmeIssuer } from '../../../src/certs/acme/issuer.ts'
import type { AcmeSettings, CertificateRequest, ChallengeSockets, OrderStep } from '../../../src/certs/types.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'

export const realClock = { now: () => performance.now(), wall: () => Date.now() }

/** Our sockets for challenges: the product's own port for HTTP-01, and a TLS server of the test for TLS-ALPN-01. */
export interface TestSockets extends ChallengeSockets {
  /** Hosts that TLS-ALPN-01 was answered for. */
  readonly handshakes: readonly string[]
  /** How many answers are in place now. */
  readonly open: () => number
  stop(): Promise<void>
}

export const startSockets = async (tlsPort: number): Promise<TestSockets> => {
  const responder: HttpResponder = createHttpResponder({ log: SILENT_LOG, host: '127.0.0.1' })
  const contexts = new Map<string, SecureContext>()
  const handshakes: string[] = []
  let open = 0
  const counted = (undo: () => Promise<void>) => {
    open++
    return async () => {
      await undo()
      open--
    }
  }
  const server = createTlsServer({
    ALPNProtocols: ['acme-tls/1'],
    SNICallback: (host, done) => done(null, contexts.get(host)),
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes.push(String(socket.servername))
    socket.on('error', () => {}).end()
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(tlsPort, '127.0.0.1', resolve))
  return {
    handshakes,
    open: () => open,
    http: async (port, token, content) => counted(await responder.http(port, token, content)),
    alpn: async (host, { chain, key }) => {
      contexts.set(host, createSecureContext({ cert: chain, key }))
      return counted(async () => {
        contexts.delete(host)
      })
    },
    async stop() {
      await responder.stop()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** A request for a certificate and what it led to. */
export interface Attempt {
  readonly steps: readonly OrderStep[]
  /** One line for each step. */
  readonly text: () => string
  readonly chain: Promise<string>
  readonly key: string
}

/** Places an order with an issuer of its own, as after a restart. */
export const order = async (
  settings: AcmeSettings,
  deps: Pick<AcmeDeps, 'folder' | 'sockets'> & Partial<AcmeDeps>,
  hosts: readonly string[],
  options: { readonly signal?: AbortSignal; readonly replaces?: string; readonly key?: 'rsa' | 'ec' } = {},
): Promise<Attempt> => {
  const { privateKey } =
    options.key === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const [, csr] = await acme.crypto.createCsr({ altNames: [...hosts] }, key)
  const steps: OrderStep[] = []
  const issuer = createAcmeIssuer(settings, { clock: realClock, log: SILENT_LOG, environment: {}, ...deps })
  const request: CertificateRequest = {
    name: 'public',
    hosts,
    keyType: options.key === 'rsa' ? 'rsa2048' : 'ecdsa256',
    ...(options.replaces !== undefined && { replaces: options.replaces }),
  }
  const chain = issuer.issue(request, csr.toString(), (step) => steps.push(step), options.signal ?? new AbortController().signal)
  // Whoever wants to know asks `chain`
  chain.catch(() => undefined)
  return { steps, text: () => steps.map(({ at, text }) => `${at}: ${text}`).join('\n'), chain, key }
}

/** Leaf first. */
export const certificatesOf = (chain: string): X509Certificate[] =>
  (chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((pem) => new X509Certificate(pem))
