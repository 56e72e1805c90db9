import { apiUrl } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { Certificates, CertificateView } from '../api/types.ts'
import { ButtonLink } from '../parts/button.tsx'
import { Bar } from '../parts/chart.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Page } from '../parts/page.tsx'
import { Shape, Status, Tag } from '../parts/status.tsx'
import { Ago, useNow } from '../parts/time.tsx'
import { certificatePath } from '../routes.ts'
import { leftText, levelOf, lifeOf, SOURCES, standing } from '../words/certificate.ts'
import { listText } from '../words/numbers.ts'
import { absoluteText, dateText, instant } from '../words/time.ts'

export const CertificatesPage = () => {
  const certificates = useResource<Certificates>('/certificates', 'certificates')
  const administers = useMay('admin')
  const add = administers && (
    <ButtonLink href="#/certificates/+" kind="primary" icon="plus">
      Add a certificate
    </ButtonLink>
  )
  return (
    <Page
      title="Certificates"
      lead="Which names, until when, and what happens next"
      actions={
        <>
          {certificates.data?.certificates.some(({ source }) => source === 'development') && (
            <ButtonLink href={apiUrl('/development-ca.pem')} icon="download" download="edgeways-development-ca.pem">
              Development CA
            </ButtonLink>
          )}
          {add}
        </>
      }
    >
      <Loaded from={certificates} lines={8}>
        {({ certificates: all }) =>
          all.length === 0 ? (
            <div class="card">
              <Empty title="There is no certificate">
                <p>Listeners for TLS and secure WebSockets need one. It can be ordered here and is renewed by itself from then on.</p>
              </Empty>
            </div>
          ) : (
            <ul class="certificates">
              {all.map((certificate) => (
                <CertificateCard key={certificate.name} certificate={certificate} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  )
}

const CertificateCard = ({ certificate }: { readonly certificate: CertificateView }) => {
  const now = useNow(60_000)
  const { name, source, hosts, usedBy, problems } = certificate
  return (
    <li class="card certificate">
      <div class="row row-apart">
        <h2>
          <a href={`#${certificatePath(name)}`}>{name}</a> <Tag>{SOURCES[source]}</Tag>
        </h2>
        <Status level={levelOf(certificate, now)}>{standing(certificate, now)}</Status>
      </div>
      <ThreeAnswers certificate={certificate} />
      {problems.length > 0 && (
        <ul class="troubles">
          {problems.map(({ severity, text, remedy }) => (
            <li key={text}>
              <Shape level={severity === 'error' ? 'error' : 'warn'} named />
              <div>
                <p>{text}</p>
                <p class="muted">{remedy}</p>
              </div>
            </li>
          ))}
        </ul>
      )}
      <p class="muted small">
        {usedBy.length === 0 ? 'No listener uses it' : `Used by ${listText(usedBy, 6)}`}
        {hosts.length > 6 && `, ${hosts.length} names in all`}
      </p>
    </li>
  )
}

/** Which names, until when, what happens next. */
export const ThreeAnswers = ({ certificate }: { readonly certificate: CertificateView }) => {
  const now = useNow(60_000)
  const { hosts, validFrom, validTo, next } = certificate
  const life = lifeOf(certificate, now)
  return (
    <dl class="answers">
      <div>
        <dt>Names</dt>
        <dd>
          {hosts.length === 0 ? (
            <span class="muted">none</span>
          ) : (
            hosts.slice(0, 6).map((host) => (
              <span key={host} class="host">
                {host}
              </span>
            ))
          )}
          {hosts.length > 6 && <span class="muted">and {hosts.length - 6} more</span>}
        </dd>
      </div>
      <div>
        <dt>Valid until</dt>
        <dd>
          {validTo === undefined ? (
            <span class="muted">not there yet</span>
          ) : (
            <>
              <time dateTime={validTo} title={absoluteText(instant(validTo))}>
                <strong>{dateText(instant(validTo))}</strong>, {leftText(validTo, now)}
              </time>
              {life !== undefined && (
                <Bar
                  share={life.elapsed}
                  mark={life.next}
                  level={levelOf(certificate, now)}
                  label={`${Math.round(life.elapsed * 100)} % of its life, which began on ${dateText(instant(validFrom!))}, is over`}
                />
              )}
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Next</dt>
        <dd>
          {next.text}
          {next.at !== undefined && next.what !== 'replace' && (
            <>
              {' '}
              <span class="muted">
                (<Ago at={next.at} />)
              </span>
            </>
          )}
        </dd>
      </div>
    </dl>
  )
}
