import type { ComponentChildren } from 'preact'
import { useId, useMemo, useState } from 'preact/hooks'
import { addItem, lineOfPath, type Patched, removeAt, renameKey, setAt } from '../../../src/config/yaml-patch.ts'
import { nodeAt, type Path, pathText, readYaml, type YamlNode } from '../../../src/config/yaml-tree.ts'
import type { ConfigProblem } from '../api/types.ts'
import {
  asVariant,
  blankOf,
  boundsText,
  defaultText,
  type Field,
  fieldOf,
  type SchemaNode,
  titleOf,
  writeText,
  writeTexts,
} from '../config/form.ts'
import { problemsOf } from '../config/problems.ts'
import { failed } from '../notices.ts'
import { Button } from '../parts/button.tsx'
import { TextField } from '../parts/field.tsx'
import { Prose } from '../parts/prose.tsx'
import { Note, Shape, Tag } from '../parts/status.tsx'

interface Around {
  readonly text: string
  readonly root: YamlNode | undefined
  readonly problems: readonly ConfigProblem[]
  /** A change; undefined: it cannot be done here, and the text has to be edited. */
  readonly change: (next: Patched, path: Path) => void
  readonly onLine: (line: number) => void
}

/** The configuration as a form, drawn from its schema. Each change is written into the text, which stays as it is otherwise. */
export const ConfigForm = ({
  schema,
  text,
  problems,
  onText,
  onLine,
}: {
  readonly schema: SchemaNode
  readonly text: string
  readonly problems: readonly ConfigProblem[]
  readonly onText: (text: string) => void
  readonly onLine: (line: number) => void
}) => {
  const root = useMemo(() => readYaml(text), [text])
  if (root === undefined) {
    return (
      <Note level="warn" title="The form cannot follow this text">
        <p>
          Either something in it is broken, which the check tells, or it is written in a rare way of YAML. The text is what counts; go on
          there.
        </p>
      </Note>
    )
  }
  const change = (next: Patched, path: Path): void => {
    if (next !== undefined) onText(next)
    else {
      failed(new Error('The form cannot change this without losing something that is written there; change it in the text'))
      onLine(lineOfPath(text, path))
    }
  }
  const around: Around = { text, root, problems, change, onLine }
  const whole = fieldOf(schema, root, [])
  if (whole.kind !== 'group') return null
  return (
    <div class="form">
      {whole.keys.map((key) => (
        <Setting
          key={key}
          label={titleOf(key)}
          schema={schema.properties![key]!}
          path={[key]}
          required={isRequired(schema, key)}
          around={around}
        />
      ))}
    </div>
  )
}

const isRequired = (schema: SchemaNode, key: string): boolean => schema.required?.includes(key) ?? false

const Setting = ({
  label,
  schema,
  path,
  required,
  around,
  head,
}: {
  readonly label: string
  readonly schema: SchemaNode
  readonly path: Path
  readonly required: boolean
  readonly around: Around
  /** Buttons beside its name. */
  readonly head?: ComponentChildren
}) => {
  const field = fieldOf(schema, around.root, path, required)
  const nested = field.kind === 'group' || field.kind === 'named' || field.kind === 'items'
  if (!nested) return <Leaf label={label} field={field} around={around} head={head} />
  return <Fold label={label} field={field} around={around} head={head} />
}

const summaryOf = (field: Field): string => {
  if (field.kind === 'group') return field.count === 0 ? '' : `${field.count} set`
  if (field.kind === 'named') return field.names.slice(0, 4).join(', ') + (field.names.length > 4 ? ' …' : '')
  return field.kind === 'items' && field.count > 0 ? String(field.count) : ''
}

const Marks = ({ field, around }: { readonly field: Field; readonly around: Around }) => {
  const own = problemsOf(around.problems, pathText(field.path))
  return (
    <>
      {own.length > 0 && <Shape level={own.some(({ severity }) => severity === 'error') ? 'error' : 'warn'} named />}
      {field.schema.requiresRestart === true && <Tag>restart</Tag>}
    </>
  )
}

const LineLink = ({ path, around }: { readonly path: Path; readonly around: Around }) => {
  const line = lineOfPath(around.text, path)
  return (
    <button type="button" class="line-link" onClick={() => around.onLine(line)}>
      Line {line}
    </button>
  )
}

/** A part with parts: drawn when it is opened. */
const Fold = ({
  label,
  field,
  around,
  head,
}: {
  readonly label: string
  readonly field: Field
  readonly around: Around
  readonly head?: ComponentChildren
}) => {
  const [open, setOpen] = useState(false)
  return (
    <details class="fold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="fold-name">{label}</span>
        <span class="fold-summary muted">{summaryOf(field)}</span>
        <Marks field={field} around={around} />
      </summary>
      {open && (
        <div class="fold-body">
          <div class="row row-apart">
            {field.written ? <LineLink path={field.path} around={around} /> : <span class="muted small">Not written: defaults hold</span>}
            {head}
          </div>
          {field.schema.description !== undefined && (
            <p class="field-hint">
              <Prose text={field.schema.description} />
            </p>
          )}
          <Variants field={field} around={around} />
          {field.kind === 'group' &&
            field.keys.map((key) => (
              <Setting
                key={key}
                label={titleOf(key)}
                schema={field.schema.properties![key]!}
                path={[...field.path, key]}
                required={isRequired(field.schema, key)}
                around={around}
              />
            ))}
          {field.kind === 'named' && <Named field={field} around={around} />}
          {field.kind === 'items' && <Items field={field} around={around} />}
        </div>
      )}
    </details>
  )
}

const Named = ({ field, around }: { readonly field: Extract<Field, { kind: 'named' }>; readonly around: Around }) => {
  const [name, setName] = useState('')
  const taken = field.names.includes(name)
  const path = [...field.path, name]
  const add = (event: Event): void => {
    event.preventDefault()
    if (name === '' || taken) return
    around.change(setAt(around.text, path, blankOf(field.values)), path)
    setName('')
  }
  return (
    <>
      {field.names.map((one) => (
        <Setting
          key={one}
          label={one}
          schema={field.values}
          path={[...field.path, one]}
          required={false}
          around={around}
          head={<EntryActions path={[...field.path, one]} around={around} name={one} />}
        />
      ))}
      <form class="add" onSubmit={add}>
        <TextField
          label="Add one, called"
          spellcheck={false}
          autocomplete="off"
          error={taken ? `There is a ${name} already` : undefined}
          value={name}
          onValue={setName}
        />
        <Button type="submit" icon="plus" disabled={name === '' || taken}>
          Add
        </Button>
      </form>
    </>
  )
}

const EntryActions = ({ path, around, name }: { readonly path: Path; readonly around: Around; readonly name: string }) => {
  const [naming, setNaming] = useState<string>()
  if (naming !== undefined) {
    return (
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault()
          if (naming !== name) around.change(renameKey(around.text, path, naming), path)
          setNaming(undefined)
        }}
      >
        <input
          class="input input-short"
          aria-label={`New name of ${name}`}
          value={naming}
          onInput={(event) => setNaming(event.currentTarget.value)}
        />
        <Button type="submit">Rename</Button>
      </form>
    )
  }
  return (
    <span class="row">
      <Button kind="quiet" onClick={() => setNaming(name)}>
        Rename
      </Button>
      <Button kind="quiet" icon="remove" bare onClick={() => around.change(removeAt(around.text, path), path)}>
        {`Remove ${name}`}
      </Button>
    </span>
  )
}

const Items = ({ field, around }: { readonly field: Extract<Field, { kind: 'items' }>; readonly around: Around }) => (
  <>
    {Array.from({ length: field.count }, (_, index) => {
      const path = [...field.path, index]
      const node = nodeAt(around.root, path)
      const shown = node === undefined ? '' : around.text.slice(node.start, node.end).replace(/\s+/g, ' ')
      return (
        <Setting
          key={index}
          label={`${index + 1}. ${shown.length > 70 ? `${shown.slice(0, 68)} …` : shown}`}
          schema={field.items}
          path={path}
          required
          around={around}
          head={
            <Button kind="quiet" icon="remove" bare onClick={() => around.change(removeAt(around.text, path), path)}>
              {`Remove item ${index + 1}`}
            </Button>
          }
        />
      )
    })}
    <Button icon="plus" onClick={() => around.change(addItem(around.text, field.path, blankOf(field.items)), field.path)}>
      Add
    </Button>
  </>
)

/** Which of several ways a value is written in. */
const Variants = ({ field, around }: { readonly field: Field; readonly around: Around }) => {
  const id = useId()
  const { variants, path } = field
  if (variants === undefined) return null
  return (
    <div class="field field-inline">
      <label for={id}>Written as</label>
      <select
        id={id}
        class="input"
        value={String(variants.current)}
        onChange={(event) => {
          const chosen = Number(event.currentTarget.value)
          const next =
            chosen < 0 ? removeAt(around.text, path) : setAt(around.text, path, asVariant(variants.schemas, chosen, around.root, path))
          around.change(next, path)
        }}
      >
        {(!field.required || variants.current < 0) && <option value="-1">not written</option>}
        {variants.labels.map((label, index) => (
          <option key={label} value={String(index)}>
            {label}
          </option>
        ))}
      </select>
    </div>
  )
}

const Leaf = ({
  label,
  field,
  around,
  head,
}: {
  readonly label: string
  readonly field: Field
  readonly around: Around
  readonly head?: ComponentChildren
}) => {
  const id = useId()
  const { schema, path } = field
  const own = problemsOf(around.problems, pathText(path))
  const error = own.find(({ severity }) => severity === 'error') ?? own[0]
  const described = `${id}-hint`
  const bounds = boundsText(schema)
  return (
    <div class="field leaf">
      <div class="leaf-head">
        <label for={id}>{label}</label>
        {schema.requiresRestart === true && <Tag>restart</Tag>}
        {field.written && <LineLink path={path} around={around} />}
        {head}
      </div>
      <Variants field={field} around={around} />
      <Control id={id} described={described} invalid={error !== undefined} field={field} around={around} />
      {error !== undefined && (
        <p class="field-error">
          {error.message}. {error.remedy}
        </p>
      )}
      <p class="field-hint" id={described}>
        <Prose text={schema.description ?? (schema.expects === undefined ? '' : `Write ${schema.expects}`)} />
        {bounds !== undefined && <span class="nowrap"> ({bounds})</span>}
      </p>
    </div>
  )
}

const Control = ({
  id,
  described,
  invalid,
  field,
  around,
}: {
  readonly id: string
  readonly described: string
  readonly invalid: boolean
  readonly field: Field
  readonly around: Around
}) => {
  const { schema, path, required } = field
  const [draft, setDraft] = useState<string>()
  const tied = { id, class: 'input', 'aria-describedby': described, 'aria-invalid': invalid || undefined }
  const fallback = defaultText(schema)
  const done = (next: Patched): void => {
    setDraft(undefined)
    around.change(next, path)
  }
  switch (field.kind) {
    case 'text':
    case 'number':
      return (
        <input
          {...tied}
          inputMode={field.kind === 'number' ? 'numeric' : undefined}
          spellcheck={false}
          autocomplete="off"
          placeholder={fallback ?? exampleOf(schema)}
          value={draft ?? field.value}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onBlur={() => draft !== undefined && draft !== field.value && done(writeText(around.text, field, draft))}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && draft !== undefined) done(writeText(around.text, field, draft))
          }}
        />
      )
    case 'choice':
      return (
        <select {...tied} value={field.value} onChange={(event) => done(writeText(around.text, field, event.currentTarget.value))}>
          {(!required || field.value === '') && <option value="">{fallback === undefined ? 'default' : `default: ${fallback}`}</option>}
          {!field.options.includes(field.value) && field.value !== '' && <option value={field.value}>{field.value}</option>}
          {field.options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      )
    case 'texts': {
      const value = draft ?? field.values.join('\n')
      const write = (): void => {
        if (draft === undefined) return
        const values = draft
          .split('\n')
          .map((line) => line.trim())
          .filter(Boolean)
        done(writeTexts(around.text, path, values))
      }
      return (
        <textarea
          {...tied}
          class="input input-lines"
          rows={Math.min(8, value.split('\n').length + 1)}
          spellcheck={false}
          placeholder={exampleOf(schema)}
          value={value}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onBlur={write}
        />
      )
    }
    case 'none':
      return null
    default:
      return (
        <button type="button" id={id} class="button button-plain" onClick={() => around.onLine(lineOfPath(around.text, path))}>
          Written in a way that only the text shows
        </button>
      )
  }
}

const exampleOf = ({ examples }: SchemaNode): string | undefined => {
  const example = examples?.[0]
  if (Array.isArray(example)) return example.every((one) => typeof one === 'string') ? example.join('\n') : undefined
  return typeof example === 'string' || typeof example === 'number' ? String(example) : undefined
}
