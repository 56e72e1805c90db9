import type { ComponentChildren } from 'preact'
import type { Level } from '../words/status.ts'

/** Each level has a shape of its own, so that nobody needs its colour. */
const SHAPES: Readonly<Record<Level, string>> = {
  ok: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM4.8 8.300l2.2 2.2 4.2-4.6',
  warn: 'M8 1.500l7 13H1zM8 6v4.200M8 12.200v.3',
  error: 'M5 1h6l4 4v6l-4 4H5l-4-4V5zM5.5 5.500l5 5M10.5 5.500l-5 5',
  off: 'M8 1.800a6.2 6.2 0 1 0 0 12.400A6.2 6.2 0 0 0 8 1.800zM5 8h6',
  busy: 'M8 1.800A6.2 6.2 0 1 1 1.8 8',
}

const NAMES: Readonly<Record<Level, string>> = { ok: 'Good', warn: 'Warning', error: 'Error', off: 'Neutral', busy: 'Under way' }

/** @param named for shapes without a word beside them */
export const Shape = ({ level, named = false }: { readonly level: Level; readonly named?: boolean }) => (
  <svg
    class={`shape shape-${level}`}
    viewBox="0 0 16 16"
    width="16"
    height="16"
    role={named ? 'img' : undefined}
    aria-label={named ? NAMES[level] : undefined}
    aria-hidden={named ? undefined : 'true'}
  >
    <path d={SHAPES[level]} />
  </svg>
)

export const Status = ({ level, children }: { readonly level: Level; readonly children: ComponentChildren }) => (
  <span class={`status status-${level}`}>
    <Shape level={level} />
    <span>{children}</span>
  </span>
)

/** A word in a frame: kinds, roles, counts. */
export const Tag = ({ level = 'off', children }: { readonly level?: Level; readonly children: ComponentChildren }) => (
  <span class={`tag tag-${level}`}>{children}</span>
)

/** Something to know before reading on. */
export const Note = ({
  level,
  title,
  children,
  actions,
}: {
  readonly level: Level
  readonly title?: ComponentChildren
  readonly children?: ComponentChildren
  readonly actions?: ComponentChildren
}) => (
  <div class={`note note-${level}`} role={level === 'error' ? 'alert' : undefined}>
    <Shape level={level} named />
    <div class="note-body">
      {title !== undefined && <p class="note-title">{title}</p>}
      {children}
    </div>
    {actions !== undefined && <div class="note-actions">{actions}</div>}
  </div>
)
