/** The telephone itself: one registration and one call at a time, on JsSIP. What it does stands in a store that the page draws. */
import { UA, WebSocketInterface } from 'jssip'
import type { EndEvent, RTCSession } from 'jssip/lib/RTCSession'
import type { RTCSessionEvent } from 'jssip/lib/UA'
import { createStore } from '../store.ts'
import { causeText, refusalText } from '../words/phone.ts'
import type { Sending } from './sound.ts'

export interface LineSettings {
  /** Of the WebSocket. */
  readonly url: string
  readonly user: string
  readonly domain: string
  /** Undefined: nobody asks for one. */
  readonly password: string | undefined
  /** Name in the digest, where it is another one. */
  readonly authorizationUser?: string | undefined
  readonly displayName?: string
  readonly register: boolean
}

export type Registration =
  | { readonly kind: 'off' }
  | { readonly kind: 'connecting' }
  /** The socket is there; nobody was asked to register, or the answer is on its way. */
  | { readonly kind: 'connected' | 'registering' }
  | { readonly kind: 'registered'; readonly since: number }
  | { readonly kind: 'refused'; readonly text: string }
  /** The socket is gone; it is tried again. `ever`: it had been there. */
  | { readonly kind: 'broken'; readonly ever: boolean }

export interface LineCall {
  /** SIP's Call-ID. */
  readonly id: string
  readonly direction: 'in' | 'out'
  /** Who is on the other side. */
  readonly peer: string
  /** `calling`: nothing came back yet. `ringing`: there, or here. */
  readonly phase: 'calling' | 'ringing' | 'up' | 'over'
  /** When it was begun, answered and ended; milliseconds since 1970. */
  readonly begun: number
  readonly answered: number | undefined
  readonly ended: number | undefined
  readonly muted: boolean
  readonly held: boolean
  readonly heldByPeer: boolean
  /** How it ended, in words; `failed`: it did not come about. */
  readonly outcome: { readonly text: string; readonly failed: boolean } | undefined
}

export interface LineState {
  readonly registration: Registration
  readonly call: LineCall | undefined
}

/** How the keys that are pressed travel: in the sound (RFC 4733), or as INFO requests beside it. */
export type KeyWay = 'RFC2833' | 'INFO'

const EXPIRES_SECONDS = 600
/** Candidates that come later than this after the first are not waited for: here the edge is rarely far. */
const GATHER_MS = 700
const INSTANCE_KEY = 'edgeways-phone'

/** The same for as long as this tab is there: so the edge knows it again when it connects anew (RFC 5626 §4.1). */
const instanceId = (): string => {
  try {
    const kept = sessionStorage.getItem(INSTANCE_KEY) ?? crypto.randomUUID()
    sessionStorage.setItem(INSTANCE_KEY, kept)
    return kept
  } catch {
    return crypto.randomUUID()
  }
}

export class Line {
  readonly state = createStore<LineState>({ registration: { kind: 'off' }, call: undefined })
  readonly #iceServers: () => Promise<readonly RTCIceServer[]>
  #ua: UA | undefined
  #session: RTCSession | undefined
  #sending: Sending | undefined
  #ever = false
  /** A call is about to begin. */
  #starting = false

  constructor(iceServers: () => Promise<readonly RTCIceServer[]>) {
    this.#iceServers = iceServers
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#session?.connection
  }

  /** What leaves, while there is a call. */
  get sending(): MediaStream | undefined {
    return this.#sending?.stream
  }

  /** Connects anew with these; a call of now ends. */
  connect(settings: LineSettings): void {
    this.close()
    this.#ever = false
    this.#registration({ kind: 'connecting' })
    const ua = new UA({
      sockets: [new WebSocketInterface(settings.url)],
      uri: `sip:${settings.user}@${settings.domain}`,
      register: settings.register,
      register_expires: EXPIRES_SECONDS,
      instance_id: instanceId(),
      session_timers: false,
      user_agent: 'Edgeways test phone',
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 10,
      ...(settings.displayName !== undefined && { display_name: settings.displayName }),
      ...(settings.password !== undefined && { password: settings.password }),
      ...(settings.authorizationUser !== undefined && { authorization_user: settings.authorizationUser }),
    })
    this.#ua = ua
    const ours =
      <T>(act: (event: T) => void) =>
      (event: T): void => {
        if (this.#ua === ua) act(event)
      }
    ua.on(
      'connected',
      ours(() => {
        this.#ever = true
        this.#registration({ kind: settings.register ? 'registering' : 'connected' })
      }),
    )
    ua.on(
      'disconnected',
      ours(() => this.#registration({ kind: 'broken', ever: this.#ever })),
    )
    ua.on(
      'registered',
      ours(() => {
        if (this.state.get().registration.kind !== 'registered') this.#registration({ kind: 'registered', since: Date.now() })
      }),
    )
    ua.on(
      'registrationFailed',
      ours(({ response, cause }) =>
        this.#registration({
          kind: 'refused',
          text: response == null ? causeText(String(cause)) : refusalText(response.status_code, response.reason_phrase),
        }),
      ),
    )
    ua.on(
      'newRTCSession',
      ours((event: RTCSessionEvent) => this.#began(event)),
    )
    ua.start()
  }

  /** Takes the registration back and goes. */
  close(): void {
    const ua = this.#ua
    this.#ua = undefined
    this.hangUp()
    this.#silence()
    ua?.stop()
    this.#registration({ kind: 'off' })
  }

  /** @param target a SIP URI @param sending what is sent; it is stopped when the call is over @throws Error what cannot be called */
  async call(target: string, sending: Sending): Promise<void> {
    const ua = this.#ua
    if (ua === undefined || this.#busy || this.#starting) {
      sending.stop()
      return
    }
    this.#starting = true
    try {
      const iceServers = [...(await this.#iceServers())]
      // Somebody rang meanwhile, or the phone has gone
      if (this.#ua !== ua || this.#busy) throw new Error('The phone is not ready any more; call again')
      this.#sending = sending
      ua.call(target, { mediaStream: sending.stream, pcConfig: { iceServers } })
    } catch (error) {
      sending.stop()
      throw error
    } finally {
      this.#starting = false
    }
  }

  async answer(sending: Sending): Promise<void> {
    const session = this.#session
    if (session === undefined || session.isEnded()) {
      sending.stop()
      return
    }
    const iceServers = [...(await this.#iceServers())]
    if (session.isEnded()) {
      sending.stop()
      return
    }
    this.#sending = sending
    session.answer({ mediaStream: sending.stream, pcConfig: { iceServers } })
  }

  /** Also declines what rings here, and takes back what rings there. */
  hangUp(): void {
    const session = this.#session
    if (session === undefined || session.isEnded()) return
    const declines = this.state.get().call?.direction === 'in' && !session.isEstablished()
    session.terminate(declines ? { status_code: 603, reason_phrase: 'Decline' } : {})
  }

  mute(muted: boolean): void {
    if (muted) this.#session?.mute({ audio: true })
    else this.#session?.unmute({ audio: true })
  }

  hold(held: boolean): void {
    if (held) this.#session?.hold()
    else this.#session?.unhold()
  }

  press(key: string, way: KeyWay): void {
    this.#session?.sendDTMF(key, { transportType: way as never, duration: 120 })
  }

  /** Takes the call that is over off the page. */
  forget(): void {
    const { call, ...rest } = this.state.get()
    if (call?.phase === 'over') this.state.set({ ...rest, call: undefined })
  }

  get #busy(): boolean {
    return this.#session !== undefined && !this.#session.isEnded()
  }

  #registration(registration: Registration): void {
    this.state.set({ ...this.state.get(), registration })
  }

  #change(change: Partial<LineCall>): void {
    const { call, ...rest } = this.state.get()
    if (call !== undefined) this.state.set({ ...rest, call: { ...call, ...change } })
  }

  #silence(): void {
    this.#sending?.stop()
    this.#sending = undefined
  }

  #began({ session, request, originator }: RTCSessionEvent): void {
    const incoming = String(originator) === 'remote'
    if (this.#busy) {
      session.terminate({ status_code: 486, reason_phrase: 'Busy Here' })
      return
    }
    this.#session = session
    const { display_name: name, uri } = session.remote_identity
    this.state.set({
      ...this.state.get(),
      call: {
        id: request.getHeader('call-id'),
        direction: incoming ? 'in' : 'out',
        peer: name === '' || name == null ? `${uri.user}@${uri.host}` : `${name} (${uri.user})`,
        phase: incoming ? 'ringing' : 'calling',
        begun: Date.now(),
        answered: undefined,
        ended: undefined,
        muted: false,
        held: false,
        heldByPeer: false,
        outcome: undefined,
      },
    })
    this.#follow(session)
  }

  #follow(session: RTCSession): void {
    const changing = (change: () => Partial<LineCall>) => (): void => {
      if (this.#session === session) this.#change(change())
    }
    const holding = (): Partial<LineCall> => {
      const { local, remote } = session.isOnHold()
      return { held: local, heldByPeer: remote }
    }
    let gathering: ReturnType<typeof setTimeout> | undefined
    const over =
      (failed: boolean) =>
      (event: EndEvent): void => {
        if (this.#session !== session) return
        this.#change({ phase: 'over', ended: Date.now(), outcome: { failed, text: outcomeOf(event, failed) } })
        clearTimeout(gathering)
        this.#silence()
      }
    session.on('icecandidate', ({ ready }) => {
      gathering ??= setTimeout(ready, GATHER_MS)
    })
    session.on(
      'progress',
      changing(() => ({ phase: 'ringing' })),
    )
    session.on(
      'accepted',
      changing(() => ({ phase: 'up', answered: Date.now() })),
    )
    session.on('hold', changing(holding))
    session.on('unhold', changing(holding))
    session.on(
      'muted',
      changing(() => ({ muted: true })),
    )
    session.on(
      'unmuted',
      changing(() => ({ muted: false })),
    )
    session.on('ended', over(false))
    session.on('failed', over(true))
  }
}

const outcomeOf = ({ originator, message, cause }: EndEvent, failed: boolean): string => {
  const by = String(originator)
  if (!failed) return by === 'local' ? 'You hung up' : by === 'remote' ? 'The other side hung up' : causeText(cause)
  if (message != null && 'status_code' in message) return refusalText(message.status_code, message.reason_phrase)
  return causeText(cause)
}
