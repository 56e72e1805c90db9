import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'

interface Labelled {
  readonly label: string
  readonly hint?: ComponentChildren
  /** What is wrong with the value, as a sentence. */
  readonly error?: string | undefined
}

/** What ties a control to its words. */
export interface Tied {
  readonly id: string
  readonly 'aria-describedby': string | undefined
  readonly 'aria-invalid': boolean | undefined
}

export const Field = ({ label, hint, error, children }: Labelled & { readonly children: (tied: Tied) => ComponentChildren }) => {
  const id = useId()
  const described = [hint === undefined ? '' : `${id}-hint`, error === undefined ? '' : `${id}-error`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': described === '' ? undefined : described,
        'aria-invalid': error === undefined ? undefined : true,
      })}
      {error !== undefined && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
      {hint !== undefined && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

type Native<E extends keyof JSX.IntrinsicElements> = Omit<JSX.IntrinsicElements[E], 'onInput' | 'value' | 'label'>

export const TextField = ({
  label,
  hint,
  error,
  value,
  onValue,
  ...input
}: Labelled & Native<'input'> & { readonly value: string; readonly onValue: (value: string) => void }) => (
  <Field label={label} hint={hint} error={error}>
    {(tied) => <input class="input" {...input} {...tied} value={value} onInput={(event) => onValue(event.currentTarget.value)} />}
  </Field>
)

export const AreaField = ({
  label,
  hint,
  error,
  value,
  onValue,
  ...area
}: Labelled & Native<'textarea'> & { readonly value: string; readonly onValue: (value: string) => void }) => (
  <Field label={label} hint={hint} error={error}>
    {(tied) => <textarea class="input" {...area} {...tied} value={value} onInput={(event) => onValue(event.currentTarget.value)} />}
  </Field>
)

export const SelectField = <T extends string>({
  label,
  hint,
  error,
  value,
  options,
  onValue,
}: Labelled & {
  readonly value: T
  readonly options: readonly (readonly [value: T, text: string])[]
  readonly onValue: (value: T) => void
}) => (
  <Field label={label} hint={hint} error={error}>
    {(tied) => (
      <select class="input" {...tied} value={value} onChange={(event) => onValue(event.currentTarget.value as T)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    )}
  </Field>
)

/** One of a few, each with a sentence that helps to choose. */
export const Choice = <T extends string>({
  legend,
  value,
  options,
  onValue,
}: {
  readonly legend: string
  readonly value: T | undefined
  readonly options: readonly { readonly value: T; readonly label: string; readonly text: string }[]
  readonly onValue: (value: T) => void
}) => {
  const name = useId()
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} class="choice-option">
          <input type="radio" name={name} checked={option.value === value} onChange={() => onValue(option.value)} />
          <span>
            <strong>{option.label}</strong>
            <span class="choice-text">{option.text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}

export const Check = ({
  label,
  checked,
  onValue,
}: {
  readonly label: string
  readonly checked: boolean
  readonly onValue: (checked: boolean) => void
}) => (
  <label class="check">
    <input type="checkbox" checked={checked} onChange={(event) => onValue(event.currentTarget.checked)} />
    <span>{label}</span>
  </label>
)

/** The field that `/` leads to. */
export const Search = ({
  value,
  onValue,
  what,
}: {
  readonly value: string
  readonly onValue: (value: string) => void
  /** What is searched: `calls`. */
  readonly what: string
}) => (
  <div class="search">
    <input
      class="input"
      type="search"
      data-search
      placeholder={`Search ${what}`}
      aria-label={`Search ${what}`}
      aria-keyshortcuts="/"
      value={value}
      onInput={(event) => onValue(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        onValue('')
        event.currentTarget.blur()
      }}
    />
    <span class="key" aria-hidden="true">
      /
    </span>
  </div>
)

/** Whether all words stand somewhere in the texts. */
export const found = (search: string, ...texts: readonly (string | undefined)[]): boolean => {
  const whole = texts.join(' ').toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => whole.includes(word))
}

/** While somebody types, nothing is asked for. */
const TYPING_MS = 250

/** What was typed, once somebody has stopped: for searches that the edge does. */
export const useSettled = (value: string): string => {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MS)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}
