import { useMemo, useState } from 'preact/hooks'
import { apiUrl } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import type { Ladder, LadderChange, LadderMessage, State } from '../api/types.ts'
import { besides, type LadderColumn, type LadderRow, layOut } from '../ladder/layout.ts'
import { hubListeners, type Said, saidBy } from '../ladder/reason.ts'
import { ButtonLink, CopyButton } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Check } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card } from '../parts/page.tsx'
import { Tag } from '../parts/status.tsx'
import { callPath } from '../routes.ts'
import { bytesText, countOf, listText } from '../words/numbers.ts'
import { absoluteText, timeText } from '../words/time.ts'
import { Explained } from './explained.tsx'

/** The messages of a call: caller, edge and callee beside each other, time from top to bottom. */
export const LadderCard = ({
  id,
  kept,
  live,
  link = false,
}: {
  /** Of a call, or SIP's Call-ID. */
  readonly id: string
  readonly kept: boolean
  readonly live: boolean
  /** The call's own page is one press away. */
  readonly link?: boolean
}) => {
  const [redact, setRedact] = useState(false)
  const path = `/calls/${encodeURIComponent(id)}/ladder`
  const query = redact ? '?redact=true' : ''
  const ladder = useResource<Ladder>(`${path}${query}`, live ? 'calls' : undefined)
  const many = ladder.data !== undefined && ladder.data.messages.length > 0
  return (
    <Card
      flush
      title="Ladder"
      aside={
        <div class="row">
          {link && (
            <a href={`#${callPath(id)}`} target="_blank" rel="noreferrer">
              Page of this call
            </a>
          )}
          <Check label="Mask names and numbers" checked={redact} onValue={setRedact} />
          {many && (
            <>
              <ButtonLink icon="download" href={apiUrl(`${path}.txt${query}`)} download>
                Text
              </ButtonLink>
              {!redact && (
                <ButtonLink icon="download" href={apiUrl(`${path}.pcap`)} download>
                  Capture (pcap)
                </ButtonLink>
              )}
            </>
          )}
        </div>
      }
    >
      <Loaded from={ladder}>
        {(data) =>
          data.messages.length === 0 ? (
            <Empty title="No messages of this call are kept">
              {kept
                ? 'They have made room for newer ones.'
                : 'The configuration says that none are kept, or they have made room for newer ones.'}
            </Empty>
          ) : (
            <Drawn ladder={data} />
          )
        }
      </Loaded>
    </Card>
  )
}

const Drawn = ({ ladder }: { readonly ladder: Ladder }) => {
  const { columns, rows } = useMemo(() => layOut(ladder), [ladder])
  const listeners = hubListeners(useResource<State>('/state', 'state').data)
  const saids = rows.map(({ message }) => saidBy(message, listeners))
  const last = saids.findLast((said) => said !== undefined)
  const [open, setOpen] = useState<number>()
  const lanes = { '--lanes': String(columns.length) }
  return (
    <>
      {last !== undefined && <Explained said={last} />}
      <div class="ladder-scroll">
        <div class="ladder" style={lanes}>
          <div class="ladder-heads" aria-hidden="true">
            <span />
            {columns.map((column) => (
              <Head key={column.side === 'edge' ? '' : `${column.party.address} ${column.party.listener}`} column={column} />
            ))}
          </div>
          <ol class="ladder-rows">
            {rows.map((row, index) => (
              <li key={index}>
                <Message row={row} columns={columns} onOpen={() => setOpen(index)} />
              </li>
            ))}
          </ol>
        </div>
        <p class="card-foot muted small">
          <Tag level="busy">±3</Tag> headers that the edge rewrote; press a message to read it, beside the one that it was made from.
        </p>
        {open !== undefined && rows[open] !== undefined && (
          <Reader rows={rows} index={open} columns={columns} said={saids[open]} onMove={setOpen} onClose={() => setOpen(undefined)} />
        )}
      </div>
    </>
  )
}

const Head = ({ column }: { readonly column: LadderColumn }) => {
  if (column.side === 'edge') return <span class="ladder-head ladder-head-edge">Edgeways</span>
  const { address, listener, transport } = column.party
  return (
    <span class="ladder-head">
      <span class="small muted">
        {column.side === 'caller' ? 'Caller' : 'Callee'}, {transport}
      </span>
      <span class="mono">{address}</span>
      <span class="small muted">{listener}</span>
    </span>
  )
}

const nameOf = (column: LadderColumn): string => (column.side === 'edge' ? 'Edgeways' : `${column.side} ${column.party.address}`)

const gapText = (ms: number): string => (ms < 10_000 ? `+${Math.round(ms)} ms` : `+${(ms / 1000).toFixed(1)} s`)

const Message = ({
  row,
  columns,
  onOpen,
}: {
  readonly row: LadderRow
  readonly columns: readonly LadderColumn[]
  readonly onOpen: () => void
}) => {
  const { message, from, to, label, kind, hasSdp, since } = row
  const [left, right] = [Math.min(from, to), Math.max(from, to)]
  const changed = message.changed.length
  return (
    <button type="button" class="ladder-row" onClick={onOpen} title={absoluteText(message.at)}>
      <span class="ladder-time mono">
        <span class="ladder-clock">{timeText(message.at, true)}</span>
        <span class="muted">{gapText(since)}</span>
      </span>
      <span class="hidden">{`${nameOf(columns[from]!)} to ${nameOf(columns[to]!)}: `}</span>
      <span
        class={`ladder-arrow ladder-${kind}${from < to ? ' ladder-right' : ' ladder-left'}`}
        style={{ gridColumn: `${left + 2} / ${right + 3}`, '--span': String(right - left + 1) }}
      >
        <span class="ladder-label">
          <strong>{label}</strong>
          {hasSdp && <Tag>SDP</Tag>}
          {changed > 0 && (
            <Tag level="busy">
              <span aria-hidden="true">±{changed}</span>
              <span class="hidden">{countOf(changed, 'header')} rewritten</span>
            </Tag>
          )}
          {message.repeated && <Tag level="warn">again</Tag>}
        </span>
        <span class="ladder-line" aria-hidden="true" />
      </span>
    </button>
  )
}

/** One message as it was, beside the one that it was made from or that was made from it. */
const Reader = ({
  rows,
  index,
  columns,
  said,
  onMove,
  onClose,
}: {
  readonly rows: readonly LadderRow[]
  readonly index: number
  readonly columns: readonly LadderColumn[]
  readonly said: Said | undefined
  readonly onMove: (index: number) => void
  readonly onClose: () => void
}) => {
  const row = rows[index]!
  const { message } = row
  const made = row.outcomes[0]
  const [before, after] =
    message.source !== undefined ? [rows[message.source], row] : made !== undefined ? [row, rows[made]] : [undefined, undefined]
  return (
    <Dialog wide title={message.title} onClose={onClose}>
      <div class="stack">
        <div class="row row-apart">
          <p class="muted">
            {timeText(message.at, true)} · {nameOf(columns[row.from]!)} → {nameOf(columns[row.to]!)} · {message.transport} ·{' '}
            {bytesText(message.bytes)}
          </p>
          <div class="row">
            <button type="button" class="button button-plain" disabled={index === 0} onClick={() => onMove(index - 1)}>
              Previous
            </button>
            <button type="button" class="button button-plain" disabled={index === rows.length - 1} onClick={() => onMove(index + 1)}>
              Next
            </button>
            <CopyButton text={message.text} what="Message" />
          </div>
        </div>
        {said !== undefined && <Explained said={said} />}
        {before !== undefined && after !== undefined ? (
          <>
            <Changes changed={after.message.changed} />
            <Besides before={before.message} after={after.message} />
          </>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys
          <pre class="text-box text-whole" tabIndex={0}>
            {message.text}
          </pre>
        )}
      </div>
    </Dialog>
  )
}

const Changes = ({ changed }: { readonly changed: readonly LadderChange[] }) => (
  <p>
    {changed.length === 0 ? (
      'Passed on as it came.'
    ) : (
      <>
        Rewritten:{' '}
        <strong>
          {listText(
            changed.map(({ header }) => header),
            20,
          )}
        </strong>
      </>
    )}
  </p>
)

const Besides = ({ before, after }: { readonly before: LadderMessage; readonly after: LadderMessage }) => {
  const rows = useMemo(() => besides(before.text, after.text), [before.text, after.text])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys
    <section class="besides" tabIndex={0} aria-label="The message as it came in and as it left">
      <table>
        <thead>
          <tr>
            <th scope="col">As it came in, {before.listener}</th>
            <th scope="col">As it left, {after.listener}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ before: old, after: now, differs }, line) => (
            <tr key={line} class={differs ? 'differs' : undefined}>
              <td>{old !== undefined && (differs ? <del>{old}</del> : old)}</td>
              <td>{now !== undefined && (differs ? <ins>{now}</ins> : now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
