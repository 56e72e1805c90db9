import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

/** A page: its name in the title of the window, at its head, and what can be done with the whole of it. */
export const Page = ({
  title,
  lead,
  back,
  actions,
  children,
}: {
  readonly title: string
  /** One line beneath: what one sees here. */
  readonly lead?: ComponentChildren
  readonly back?: { readonly href: string; readonly text: string }
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}) => {
  useEffect(() => {
    document.title = `${title} – Edgeways`
  }, [title])
  return (
    <>
      <header class="page-head">
        <div>
          {back !== undefined && (
            <a class="page-back" href={back.href}>
              {back.text}
            </a>
          )}
          <h1 tabIndex={-1} id="page-title">
            {title}
          </h1>
          {lead !== undefined && <div class="page-lead">{lead}</div>}
        </div>
        {actions !== undefined && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  )
}

/** A part of a page with a frame of its own. */
export const Card = ({
  title,
  aside,
  flush = false,
  children,
}: {
  readonly title?: ComponentChildren
  readonly aside?: ComponentChildren
  /** Tables reach its edges. */
  readonly flush?: boolean
  readonly children: ComponentChildren
}) => (
  <section class={flush ? 'card card-flush' : 'card'}>
    {title !== undefined && (
      <header class="card-head">
        <h2>{title}</h2>
        {aside !== undefined && <div class="card-aside">{aside}</div>}
      </header>
    )}
    {children}
  </section>
)

/** Names and values below each other. */
export const Facts = ({ of }: { readonly of: readonly (readonly [name: string, value: ComponentChildren] | false | undefined)[] }) => (
  <dl class="facts">
    {of.map(
      (fact) =>
        fact && (
          <div key={fact[0]}>
            <dt>{fact[0]}</dt>
            <dd>{fact[1]}</dd>
          </div>
        ),
    )}
  </dl>
)

/** Parts of one page that have addresses of their own. */
export const Parts = ({
  label,
  parts,
}: {
  readonly label: string
  readonly parts: readonly { readonly href: string; readonly text: string; readonly current: boolean }[]
}) => (
  <nav class="parts" aria-label={label}>
    {parts.map(({ href, text, current }) => (
      <a key={href} href={href} aria-current={current ? 'page' : undefined}>
        {text}
      </a>
    ))}
  </nav>
)
