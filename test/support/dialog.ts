/** One side's view of a dialog, as a peer that comes back later has it in its memory. */
export interface DialogView {
  readonly callId: string
  readonly near: string
  readonly far: string
  /** The Route header's value. */
  readonly routes: string
  readonly target: string
}

const values = (message: string, name: string): readonly string[] =>
  [...message.matchAll(new RegExp(`^${name}: *(.*?)\\r$`, 'gim'))].map((match) => match[1] ?? '')
const value = (message: string, name: string): string => values(message, name)[0] ?? ''

/** §12.1: from the INVITE and its 200, as that side saw them; the caller's route set is the other way round. */
export const dialogView = (side: 'caller' | 'called', invite: string, answer: string): DialogView => {
  const recorded = values(side === 'caller' ? answer : invite, 'Record-Route').flatMap((line) => line.split(/,\s*(?=<)/))
  const [from, to] = [value(answer, 'From'), value(answer, 'To')]
  return {
    callId: value(invite, 'Call-ID'),
    near: side === 'caller' ? from : to,
    far: side === 'caller' ? to : from,
    routes: (side === 'caller' ? recorded.toReversed() : recorded).join(', '),
    target: /<([^>]+)>/.exec(value(side === 'caller' ? answer : invite, 'Contact'))?.[1] ?? '',
  }
}
