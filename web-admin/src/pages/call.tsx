import { useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { CallDetail, LegQuality } from '../api/types.ts'
import { CopyButton } from '../parts/button.tsx'
import { Empty, Failure, Loaded } from '../parts/loaded.tsx'
import { Card, Facts, Page } from '../parts/page.tsx'
import { Note, Status } from '../parts/status.tsx'
import { Moment, Running } from '../parts/time.tsx'
import { bytesText, countText, percentText, tookText } from '../words/numbers.ts'
import { howText, mosLevel, mosText, remarksOf, verdictOfQuality } from '../words/quality.ts'
import { spanText } from '../words/time.ts'
import { Leg } from './calls.tsx'
import { LadderCard } from './ladder.tsx'

const BACK = { href: '#/calls', text: 'Calls' }

export const CallPage = ({ id }: { readonly id: string }) => {
  const detail = useResource<CallDetail>(`/calls/${encodeURIComponent(id)}`, 'calls')
  const operates = useMay('operator')
  if (detail.data === undefined) {
    return (
      <Page title="Call" back={BACK}>
        {detail.failure?.status === 404 ? (
          <Empty title="This call is not known any more">
            The edge remembers its last calls alone; older ones are in <a href="#/calls/past">the list of past calls</a> for a while.
          </Empty>
        ) : (
          <Loaded from={detail}>{() => null}</Loaded>
        )}
      </Page>
    )
  }
  const { data, failure } = detail
  return (
    <Page
      title="Call"
      back={BACK}
      lead={
        <span class="fingerprint">
          <span class="mono">{data.callId}</span>
          <CopyButton text={data.callId} what="Call-ID" />
        </span>
      }
    >
      {failure !== undefined && <Failure failure={failure} retry={detail.reload} />}
      <div class="columns">
        <Summary detail={data} />
        <Decision detail={data} />
      </div>
      {data.quality !== undefined && <Quality quality={data.quality} />}
      {operates ? (
        <LadderCard id={id} kept={data.ladder} live={data.state !== undefined} />
      ) : (
        data.ladder && (
          <Card title="Ladder">
            <Empty title="The messages of calls need the role operator" />
          </Card>
        )
      )}
    </Page>
  )
}

const Summary = ({ detail }: { readonly detail: CallDetail }) => {
  const { state, from, to, since, startedAt = since, seconds, how, by, node, codec } = detail
  return (
    <Card title="Summary">
      <Facts
        of={[
          [
            'State',
            state === 'up' ? (
              <Status level="ok">Talking</Status>
            ) : state === 'ringing' ? (
              <Status level="busy">Ringing</Status>
            ) : (
              <Status level="off">Over{how !== undefined && `: ${howText(how, by)}`}</Status>
            ),
          ],
          ['From', <Leg key="from" leg={from} />],
          ['To', <Leg key="to" leg={to} />],
          startedAt !== undefined && ['Began', <Moment key="began" at={startedAt} />],
          [
            state === undefined ? 'Lasted' : 'For',
            seconds !== undefined ? spanText(seconds * 1000) : startedAt === undefined ? '–' : <Running key="for" at={startedAt} />,
          ],
          node !== undefined && ['Media node', node],
          codec !== undefined && ['Codec', codec],
        ]}
      />
    </Card>
  )
}

/** Why it went where it went. */
const Decision = ({ detail: { decision } }: { readonly detail: CallDetail }) => (
  <Card title="Decision">
    {decision === undefined ? (
      <Empty title="Not known">What was decided is kept together with the messages of a call.</Empty>
    ) : (
      <>
        {decision.rule !== undefined && (
          <p class="decision-rule">
            Rule <code>{decision.rule}</code>
          </p>
        )}
        <ol class="decision">
          {decision.explanation.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ol>
      </>
    )}
  </Card>
)

const Quality = ({ quality }: { readonly quality: NonNullable<CallDetail['quality']> }) => {
  const verdict = verdictOfQuality(quality)
  return (
    <Card title="Media" aside={<Status level={verdict.level}>{verdict.text}</Status>}>
      {quality.oneWay && (
        <Note level="error" title="Sound went one way only">
          <p>
            One side sent media and the other none, though it should have. Often a firewall or a NAT on the silent side lets nothing out.
          </p>
        </Note>
      )}
      {quality.noMedia && (
        <Note level="error" title="Neither side sent media">
          <p>Look whether the media ports of the edge can be reached from both sides.</p>
        </Note>
      )}
      <div class="columns">
        {quality.legs.map((leg) => (
          <LegFacts key={leg.party} leg={leg} />
        ))}
      </div>
    </Card>
  )
}

const LegFacts = ({ leg }: { readonly leg: LegQuality }) => (
  <section class="leg">
    <h3>
      {leg.party === 'caller' ? 'Caller' : 'Callee'}, {leg.zone}
    </h3>
    {remarksOf(leg).map(({ level, text }) => (
      <p key={text}>
        <Status level={level}>{text}</Status>
      </p>
    ))}
    <Facts
      of={[
        leg.mos !== undefined && [
          'Heard',
          <Status key="mos" level={mosLevel(leg.mos)}>
            MOS {leg.mos.toFixed(1)}, {mosText(leg.mos)}
          </Status>,
        ],
        leg.lossPercent !== undefined && [
          'Missed',
          `${percentText(leg.lossPercent)}${leg.lost === undefined ? '' : `, ${countText(leg.lost)} packets`}`,
        ],
        leg.jitterMs !== undefined && ['Jitter', `${leg.jitterMs} ms`],
        leg.roundTripMs !== undefined && ['Round trip', tookText(leg.roundTripMs / 1000)],
        ['Sent', `${countText(leg.packets)} packets, ${bytesText(leg.bytes)}`],
        leg.codec !== undefined && ['Codec', leg.codec],
        ['Encryption', leg.encryption],
        leg.endpoint !== undefined && [
          'Its address',
          <span key="endpoint" class="mono">
            {leg.endpoint}
          </span>,
        ],
      ]}
    />
  </section>
)
