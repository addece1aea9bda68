// What the cursor's query reads and who reads its key: tables, and the text itself, shaded.

import { useEffect, useRef } from 'preact/hooks'
import { css, ink, level, ramp } from './colour'
import type { Grain, Page, Reading as Kind } from './state'
import type { Top } from './source'
import { shown, signed, weight, written } from './words'

const AROUND = 160

export function Tables({ page }: { page: Page }) {
  const { query, key } = page.cursor.value
  return (
    <section class="reading" id="reading" tabIndex={-1} aria-labelledby="reading-title">
      <h2 id="reading-title" class="hidden">At the cursor</h2>
      <Strongest
        page={page} found={page.row.value} tokens={page.keyTokens.value} noun="key" chosen={key}
        caption={`What ${page.query(query)} reads`} go={(at) => page.go(query, at)}
      />
      <Strongest
        page={page} found={page.column.value} tokens={page.queryTokens.value} noun="query" chosen={query}
        caption={`Who reads ${page.key(key)}`} go={(at) => page.go(at, key)}
      />
    </section>
  )
}

interface Rows {
  page: Page
  found: Top | null
  tokens: string[]
  noun: 'key' | 'query'
  chosen: number
  caption: string
  go: (at: number) => void
}

function Strongest({ page, found, tokens, noun, chosen, caption, go }: Rows) {
  const differs = page.differs.value
  const most = Math.max(Math.abs(found?.weight[0] ?? 0), 1e-12)
  const number = (at: number): number => (noun === 'query' ? (page.info.value.rows?.[at] ?? at) : at)
  return (
    <>
      <table class="strongest">
        <caption dir="auto">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{noun}</th><th scope="col" class="number">{differs ? 'at' : 'position'}</th>
            {(differs ? ['A', 'B', 'A − B'] : ['weight']).map((name) => <th key={name} scope="col" class="number">{name}</th>)}
          </tr>
        </thead>
        <tbody>
          {(found?.index ?? []).filter((_, place) => found!.weight[place] !== 0).map((at, place) => (
            <tr key={at} class={at === chosen ? 'chosen' : undefined}>
              <th scope="row">
                <button type="button" class="token" dir="auto" onClick={() => { go(at); page.sayCursor() }}>{shown(tokens[at])}</button>
              </th>
              <td class="number">{number(at)}</td>
              {found!.sides?.map((side, at) => <td key={at} class="number">{weight(side[place])}</td>)}
              <td class="number">
                {differs ? null : <meter min={0} max={1} value={found!.weight[place] / most} aria-hidden="true" />}
                <span>{(differs ? signed : weight)(found!.weight[place])}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {found && noun === 'key' && found.entropy !== null && found.sum !== null ? (
        <p class="help">entropy {found.entropy.toFixed(2)} nats · row sums to {found.sum.toFixed(6)}</p>
      ) : null}
    </>
  )
}

/** The text around the cursor; the more a token is read, the more it stands out, also by its underline. */
export function Text({ page }: { page: Page }) {
  void page.arrivals.value
  const kind = page.reading.value
  const { query, key } = page.cursor.value
  const tokens = kind === 'reads' ? page.keyTokens.value : page.queryTokens.value
  const active = page.alike.value ? (kind === 'reads' ? query : key) : kind === 'reads' ? key : query
  const first = Math.max(0, Math.min(active - AROUND, tokens.length - 2 * AROUND - 1))
  const last = Math.min(tokens.length, first + 2 * AROUND + 1)
  // Against the strongest that is seen, so that a few stand out from many, whatever the scale of the map.
  const colours = { ...page.colours.value, scale: 'linear' as const }
  const values = tokens.slice(first, last).map((_, place) => (kind === 'reads' ? page.exact(query, first + place) : page.exact(first + place, key)))
  const most = Math.max(1e-12, ...values.map((value) => Math.abs(value ?? 0)))
  const shades = ramp(colours)
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const token = document.getElementById(`token-${active}`)
    if (!token || !box.current) return
    const [above, high] = [token.offsetTop, box.current.clientHeight]
    if (above < box.current.scrollTop || above + 30 > box.current.scrollTop + high) box.current.scrollTop = above - high / 2
  }, [active])
  const says = kind === 'reads' ? `Read by ${page.query(query)}` : `Readers of ${page.key(key)}`
  const write = written(tokens)
  return (
    <section class="text" aria-labelledby="text-title">
      <header>
        <h2 id="text-title">Text</h2>
        <Grains page={page} />
        <Kinds page={page} />
        <p class="help" dir="auto">{says}{first > 0 || last < tokens.length ? ` · tokens ${first} to ${last - 1} of ${tokens.length}` : ''}</p>
      </header>
      <div
        ref={box} class="tokens scroll" role="listbox" tabIndex={0} aria-label={says} dir="auto"
        aria-activedescendant={`token-${active}`} onKeyDown={(event) => moved(event, page, active)}
      >
        {tokens.slice(first, last).map((token, place) => {
          const at = first + place
          const value = values[place]
          const share = (Math.abs(value ?? 0) / most) ** 0.7
          const shade = shades[level(Math.sign(value ?? 0) * share, colours)]
          const text = write(token, at)
          return (
            <>
              <span
                key={at} id={`token-${at}`} role="option" aria-selected={at === active} class={at === active ? 'active' : undefined}
                title={`${at}: ${value === null ? '…' : (page.differs.value ? signed : weight)(value)}`}
                style={{ background: css(shade), color: ink(shade), borderBottomWidth: `${Math.round(3 * share)}px` }}
                onClick={() => { page.choose(at); page.sayCursor() }}
              >{text === '' ? '∅' : text}</span>
              {text.includes('\n') ? <br /> : null}
            </>
          )
        })}
      </div>
    </section>
  )
}

/** Whether the text stands in words or in sentences. */
export function Grains({ page }: { page: Page }) {
  return (
    <div class="switch" role="group" aria-label="How the text is cut">
      {(['words', 'sentences'] as Grain[]).map((one) => (
        <button key={one} type="button" aria-pressed={page.grain.value === one} onClick={() => { page.grain.value = one }}>{one}</button>
      ))}
    </div>
  )
}

/** What is shaded: the keys of the cursor's query, or the queries of its key. */
export function Kinds({ page }: { page: Page }) {
  return (
    <div class="switch" role="group" aria-label="What the shades mean">
      {(['reads', 'read by'] as Kind[]).map((one) => (
        <button key={one} type="button" aria-pressed={page.reading.value === one} onClick={() => { page.reading.value = one }}>
          {one === 'reads' ? 'what it reads' : 'who reads it'}
        </button>
      ))}
    </div>
  )
}

function moved(event: KeyboardEvent, page: Page, active: number): void {
  const steps: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return
  event.preventDefault()
  const all = page.reading.value === 'reads' ? page.keyTokens.value : page.queryTokens.value
  page.choose(Math.max(0, Math.min(all.length - 1, active + steps[event.key])))
}
