import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Button } from './button.tsx'
import { failureText } from './loaded.tsx'
import { Note } from './status.tsx'

/** The browser's own modal dialog: Escape closes it, the focus stays inside and goes back afterwards. */
export const Dialog = ({
  title,
  wide = false,
  onClose,
  children,
}: {
  readonly title: string
  readonly wide?: boolean
  readonly onClose: () => void
  readonly children: ComponentChildren
}) => {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  const there = useRef(true)
  useEffect(() => {
    const before = document.activeElement
    const dialog = ref.current
    dialog?.showModal()
    return () => {
      there.current = false
      // As long as it is open, nothing behind it takes the focus
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      class={wide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClose={() => there.current && onClose()}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" icon="close" bare onClick={onClose}>
          Close
        </Button>
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  )
}

/** A form in a dialog: what goes wrong is told inside, and it closes when it worked. */
export const FormDialog = ({
  title,
  action,
  danger = false,
  wide = false,
  disabled = false,
  onClose,
  onSubmit,
  children,
}: {
  readonly title: string
  /** The word on the button. */
  readonly action: string
  readonly danger?: boolean
  readonly wide?: boolean
  readonly disabled?: boolean
  readonly onClose: () => void
  /** What it answers with false stays open. */
  readonly onSubmit: () => Promise<unknown>
  readonly children?: ComponentChildren
}) => {
  const [running, setRunning] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (running || disabled) return
    setRunning(true)
    setFailure(undefined)
    try {
      if ((await onSubmit()) !== false) onClose()
    } catch (error) {
      setFailure(error)
    } finally {
      setRunning(false)
    }
  }
  return (
    <Dialog title={title} wide={wide} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        {children}
        {failure !== undefined && <Note level="error">{<p>{failureText(failure)}</p>}</Note>}
        <div class="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind={danger ? 'danger' : 'primary'} type="submit" busy={running} disabled={disabled}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
