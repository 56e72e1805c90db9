import type { MediaEndpoint } from '../support/media/endpoint.ts'
import type { Message } from './message.ts'

/** A call as a hub has it. */
export interface HubCall {
  readonly callId: string
  readonly direction: 'to-teams' | 'from-teams'
  /** The number that was called. */
  readonly number: string
  readonly trunk: string
  readonly state: () => 'calling' | 'ringing' | 'up' | 'ended'
  /** Final status of its INVITE; undefined: none yet. */
  readonly status: () => number | undefined
  readonly media: () => MediaEndpoint
  /** All messages of it, both ways, in order. */
  readonly messages: readonly { readonly from: 'hub' | 'sbc'; readonly message: Message }[]
  /** Who called is answered, or who is called has the ACK; rejects when it ended otherwise. */
  up(ms?: number): Promise<void>
  ended(ms?: number): Promise<void>
  /** Called, with `answerAfterMs: 'never'`: answers now. */
  answer(status?: number): Promise<void>
  bye(): Promise<Message>
  /** Calling: CANCEL. @param reason value of Reason */
  cancel(reason?: string): Promise<void>
  hold(): Promise<Message>
  resume(): Promise<Message>
  /** As after half an hour: same SDP, `Session-Expires`. */
  refresh(): Promise<Message>
  /** A re-INVITE with these headers and the SDP as it is. */
  reinvite(headers?: readonly (readonly [string, string])[]): Promise<Message>
  /** REFER to this URI, all steps of §3.10; resolves with the call that came for it. */
  transfer(to: string): Promise<HubCall>
  /** The next re-INVITE of the SBC gets this. */
  refuseNext(status: number): void
  /** Sends no ACK. */
  withholdAck(): void
}
