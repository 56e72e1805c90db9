/** The contract between the engine and the rtpengines: what a call may ask of a node, and how a node is found. Types only. */
import type { NgDictionary } from '../media/types.ts'

export type NgCommand = 'offer' | 'answer' | 'delete' | 'query' | 'list' | 'ping' | 'statistics'

/** A reply, decoded; texts are latin1. */
export type NgReply = Readonly<Record<string, unknown>> & { readonly result: string }

/**
 * `up`: takes new calls. `suspect`: a command or a probe failed, and it is being looked at; new calls go elsewhere while there is another.
 * `down`: takes nothing new. `drain`: the operator wants it empty; its dialogs go on.
 */
export type NodeState = 'up' | 'suspect' | 'down' | 'drain'

/** One rtpengine. */
export interface MediaNode {
  /** Unique; as the operator named it, or `address:port`. */
  readonly name: string
  readonly set: string
  readonly state: NodeState
  /** Goes up by one whenever the daemon was seen to have restarted: what it knew of calls before is gone. */
  readonly epoch: number
  /**
   * One command; the datagram is sent again until the deadline. Resolves with whatever the daemon said, `result: error` included.
   * @throws (rejects with) MediaError: SBC_MEDIA_TIMEOUT no reply, SBC_MEDIA_REPLY not understood, SBC_MEDIA_CLOSED
   */
  request(command: 'offer' | 'answer' | 'query', dictionary: NgDictionary): Promise<NgReply>
  /**
   * A delete that is sure to happen: in the background, again with growing pauses until the daemon acknowledged it, at most ten minutes. After
   * a restart it is asked at once, for calls may have been restored from redis. Where the tags of a whole call match nothing, its call-id alone
   * is deleted; a branch that is not there is none. A later offer of the call takes the delete of the whole call back.
   * `deleted` is called once, with the reply with the statistics, or undefined when there is nothing to get any more.
   */
  delete(dictionary: NgDictionary, deleted: (reply: NgReply | undefined) => void): void
}

/** All rtpengines of the running configuration. */
export interface MediaNodes {
  /**
   * Where a new call may go, best first: weighted rendezvous over the nodes of the set that are up, then those that are suspect.
   * @param key the ng call-id
   */
  candidates(set: string, key: string): readonly MediaNode[]
  /** By name, also one that drains or is down, and one that left the configuration while it still has calls; undefined: never heard of. */
  node(name: string): MediaNode | undefined
  /** Why there are no candidates, with the remedy in words: for the log and the reason phrase. */
  unavailable(set: string): string
  views(): readonly MediaNodeView[]
}

/** Told by the nodes to whoever holds the calls. */
export interface MediaEvents {
  /** The daemon of this node restarted: its calls have no media any more. */
  restarted(node: MediaNode): void
  /**
   * What the daemon has of ours, once a minute: ng call-ids that end in `~` and a token that `ours` accepts. All of them: not told while it has
   * more than its list can show, because what is missing there may well be alive.
   */
  listed(node: MediaNode, callIds: readonly string[]): void
  /** The same minute of a daemon that has more than its list can say. */
  unlisted(node: MediaNode): void
}

/** A node as log, metrics and admin see it. */
export interface MediaNodeView {
  readonly name: string
  readonly set: string
  /** `address:port` of its ng socket. */
  readonly address: string
  readonly state: NodeState
  readonly weight: number
  /** In words, when it is not up. */
  readonly reason?: string
  /** Sessions that the daemon has, from its statistics; undefined: not asked yet. */
  readonly sessions?: number
  /** Seconds of the last answered probe. */
  readonly pingSeconds?: number
  /** Interfaces that the daemon told of. */
  readonly interfaces?: readonly string[]
}
