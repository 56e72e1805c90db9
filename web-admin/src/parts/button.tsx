import type { ComponentChildren, TargetedMouseEvent } from 'preact'
import { useState } from 'preact/hooks'
import { copyText } from '../clipboard.ts'
import { failed, told } from '../notices.ts'
import { Icon, type IconName } from './icon.tsx'

export interface ButtonProps {
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  readonly icon?: IconName
  /** The icon alone is shown; the text is its name. */
  readonly bare?: boolean
  readonly type?: 'button' | 'submit'
  readonly disabled?: boolean
  readonly busy?: boolean
  readonly pressed?: boolean
  readonly expanded?: boolean
  readonly title?: string
  readonly onClick?: (event: TargetedMouseEvent<HTMLButtonElement>) => unknown
  readonly children: string
}

/** What `onClick` promises keeps it from being pressed again; what goes wrong is told. */
export const Button = ({ kind = 'plain', icon, bare = false, type = 'button', disabled = false, busy = false, ...props }: ButtonProps) => {
  const [running, setRunning] = useState(false)
  const waits = busy || running
  const { pressed, expanded, title, onClick, children } = props
  const click = async (event: TargetedMouseEvent<HTMLButtonElement>): Promise<void> => {
    const doing = onClick?.(event)
    if (!(doing instanceof Promise)) return
    setRunning(true)
    try {
      await doing
    } catch (error) {
      failed(error)
    } finally {
      setRunning(false)
    }
  }
  return (
    <button
      type={type}
      class={`button button-${kind}${bare ? ' button-bare' : ''}`}
      disabled={disabled}
      aria-disabled={waits || undefined}
      aria-busy={waits || undefined}
      aria-pressed={pressed}
      aria-expanded={expanded}
      aria-label={bare ? children : undefined}
      title={title ?? (bare ? children : undefined)}
      onClick={waits ? (event) => event.preventDefault() : click}
    >
      {waits ? <span class="spinner" aria-hidden="true" /> : icon !== undefined && <Icon name={icon} />}
      {!bare && <span>{children}</span>}
    </button>
  )
}

/** A link that looks like a button, because it leads somewhere. */
export const ButtonLink = ({
  href,
  icon,
  kind = 'plain',
  download,
  children,
}: {
  readonly href: string
  readonly icon?: IconName
  readonly kind?: ButtonProps['kind']
  readonly download?: string | boolean
  readonly children: ComponentChildren
}) => (
  <a class={`button button-${kind}`} href={href} {...(download !== undefined && { download })}>
    {icon !== undefined && <Icon name={icon} />}
    <span>{children}</span>
  </a>
)

export const CopyButton = ({
  text,
  what,
  wide = false,
}: {
  readonly text: string
  readonly what: string
  /** Its name is shown, too. */
  readonly wide?: boolean
}) => (
  <Button
    kind={wide ? 'plain' : 'quiet'}
    icon="copy"
    bare={!wide}
    onClick={async () => {
      await copyText(text)
      told(`${what} copied`)
    }}
  >{`Copy ${what.toLowerCase()}`}</Button>
)
