// Every head as a small picture: layers down and heads across, or ranked by a measure.

import { useEffect, useRef } from 'preact/hooks'
import { painted } from './colour'
import { MEASURES, type Measure, type Overview } from './source'
import { overviewKey, type Order, type Page } from './state'

interface One { layer: number; head: number; overview: Overview | undefined }

const LOW_FIRST: ReadonlySet<Measure> = new Set(['entropy'])

export function Heads({ page }: { page: Page }) {
  const order = page.order.value
  return (
    <section class="heads" aria-labelledby="heads-title">
      <header>
        <h2 id="heads-title">Heads</h2>
        <label>
          <span class="hidden">Order of heads</span>
          <select value={order} onChange={(event) => { page.order.value = event.currentTarget.value as Order }}>
            <option value="layers">by layer</option>
            {Object.entries(MEASURES).filter(([key]) => key !== 'variation' || page.header.sides).map(([key, name]) => (
              <option key={key} value={key}>by {name}</option>
            ))}
          </select>
        </label>
      </header>
      <Sampled page={page} />
      <div class="scroll" onKeyDown={roved}>
        {order === 'layers' ? <Layers page={page} /> : <Ranked page={page} measure={order} />}
      </div>
    </section>
  )
}

/** Of a long text, some rows speak for all in the small pictures and their measures; the map is always exact. */
function Sampled({ page }: { page: Page }) {
  const some = [...page.overviews.value.values()].find((one) => !one.exact)
  return some ? <p class="help">small pictures and measures are of {some.rows} rows, evenly spread</p> : null
}

function heads(page: Page, layer: number): One[] {
  const overview = page.overviews.value.get(overviewKey(layer, page.batch.value, page.sinks.value, page.side.value))
  return Array.from({ length: page.header.layers[layer].heads }, (_, head) => ({ layer, head, overview }))
}

function Layers({ page }: { page: Page }) {
  return (
    <ol class="layers">
      {page.header.layers.map((info, layer) => (
        <li key={layer}>
          <h3 title={info.name}><b>{layer}</b> {info.name}</h3>
          <ul class="row">
            {heads(page, layer).map((one) => <li key={one.head}><Head page={page} one={one} value={null} /></li>)}
          </ul>
        </li>
      ))}
    </ol>
  )
}

function Ranked({ page, measure }: { page: Page; measure: Measure }) {
  // A measure may be larger in either of two records.
  const either = page.differs.value && measure !== 'variation'
  const sign = LOW_FIRST.has(measure) && !either ? 1 : -1
  const value = (one: One): number => one.overview?.[measure]?.[one.head] ?? NaN
  const rank = (one: One): number => sign * (either ? Math.abs(value(one)) : value(one))
  const all = page.header.layers.flatMap((_, layer) => heads(page, layer)).filter((one) => Number.isFinite(value(one)))
  const sorted = all.sort((a, b) => rank(a) - rank(b))
  return (
    <>
      <p class="help">{either ? `${MEASURES[measure]}, A − B: largest first` : `${sign > 0 ? 'lowest' : 'highest'} ${MEASURES[measure]} first`}</p>
      {measure === 'variation' ? <p class="help">0 reads the same in both records, 1 shares no key</p> : null}
      <ol class="row ranked">
        {sorted.map((one) => (
          <li key={`${one.layer}.${one.head}`}><Head page={page} one={one} value={value(one)} /></li>
        ))}
      </ol>
    </>
  )
}

function Head({ page, one, value }: { page: Page; one: One; value: number | null }) {
  const open = page.layer.value === one.layer && page.head.value === one.head
  const there = page.source.has(one.layer, one.head, page.batch.value)
  const number = page.header.layers[one.layer].head_numbers[one.head]
  const entropy = page.differs.value ? null : one.overview?.entropy[one.head]
  const says = value === null ? (entropy == null ? '' : `, entropy ${entropy.toFixed(2)}`) : `, ${value.toPrecision(3)}`
  return (
    <button
      class="head" type="button" aria-pressed={open} tabIndex={open ? 0 : -1} disabled={!there}
      title={`layer ${one.layer}, head ${number}${says}${there ? '' : ' – not in this file'}`}
      onClick={() => page.open(one.layer, one.head)}
    >
      <Thumbnail page={page} one={one} />
      <span class="hidden">{`layer ${one.layer}, head ${number}${says}${there ? '' : ', not in this file'}`}</span>
      <span class="name" aria-hidden="true">
        {value === null ? number : `${one.layer}.${number}`}
        {value === null ? null : <i>{value.toPrecision(2)}</i>}
      </span>
    </button>
  )
}

function Thumbnail({ page, one }: { page: Page; one: One }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const { overview, head } = one
  const colours = page.colours.value
  useEffect(() => {
    if (!overview || !canvas.current) return
    const [, rows, columns] = overview.shape
    const values = overview.thumbnail.subarray(head * rows * columns, (head + 1) * rows * columns)
    canvas.current.width = columns
    canvas.current.height = rows
    // A cell pools many keys, so that fewer powers of ten are enough.
    const picture = painted(values, rows, columns, { ...colours, least: 1e-3 })
    canvas.current.getContext('2d')!.drawImage(picture, 0, 0)
  }, [overview, head, colours])
  return overview ? <canvas ref={canvas} aria-hidden="true" /> : <span class="waits" aria-hidden="true" />
}

/** Arrows move among the heads; one of them is reached by Tab. */
function roved(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const buttons = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('button.head:not(:disabled)')]
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement)
  if (at < 0) return
  const { left } = buttons[at].getBoundingClientRect()
  const sameColumn = (from: HTMLButtonElement[]): HTMLButtonElement | undefined =>
    from.find((one) => Math.abs(one.getBoundingClientRect().left - left) < 4)
  const to: Record<string, HTMLButtonElement | undefined> = {
    ArrowRight: buttons[at + 1],
    ArrowLeft: buttons[at - 1],
    ArrowDown: sameColumn(buttons.slice(at + 1)),
    ArrowUp: sameColumn(buttons.slice(0, at).reverse()),
    Home: buttons[0],
    End: buttons.at(-1),
  }
  if (!(event.key in to)) return
  event.preventDefault()
  to[event.key]?.focus()
}
