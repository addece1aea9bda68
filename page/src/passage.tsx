// Words and sentences: how much is read of each sentence of the whole text, and of which of its words.

import { useEffect, useRef, useState } from 'preact/hooks'
import { css, ink, level, ramp } from './colour'
import { Grains, Kinds } from './reading'
import { sentences, sums, type Sentence } from './sentences'
import type { Page } from './state'
import { signed, weight, written } from './words'

const AROUND = 20
const MOST = 5

export function Sentences({ page }: { page: Page }) {
  const reads = page.reading.value === 'reads'
  const { query, key } = page.cursor.value
  const tokens = reads ? page.keyTokens.value : page.queryTokens.value
  const active = page.alike.value ? (reads ? query : key) : reads ? key : query
  const all = sentences(tokens)
  const line = page.line.value?.length === tokens.length ? page.line.value : null
  const found = line ? sums(all, line) : all.map(() => 0)
  const here = all.findIndex(({ end }) => active < end)
  const [near, look] = useState<number | null>(null)
  useEffect(() => look(null), [active, tokens])
  const middle = near ?? here
  const first = Math.max(0, Math.min(middle - AROUND, all.length - 2 * AROUND - 1))
  const last = Math.min(all.length, first + 2 * AROUND + 1)
  const box = useScrolled(middle)
  const says = reads ? `Read by ${page.query(query)}` : `Readers of ${page.key(key)}`
  const go = (at: number): void => { page.choose(all[Math.max(0, Math.min(all.length - 1, at))].end - 1); page.sayCursor() }
  return (
    <section class="text passage" aria-labelledby="text-title">
      <header>
        <h2 id="text-title">Text</h2>
        <Grains page={page} />
        <Kinds page={page} />
        <p class="help" dir="auto">{says}{first > 0 || last < all.length ? ` · sentences ${first + 1} to ${last} of ${all.length}` : ''}</p>
      </header>
      <Strongest page={page} found={found} look={look} />
      <div
        ref={box} class="sentences scroll" role="listbox" tabIndex={0} aria-label={`Sentences. ${says}`}
        aria-activedescendant={`sentence-${here}`} onKeyDown={(event) => moved(event, here, go)}
      >
        {all.slice(first, last).map((one, place) => (
          <Line key={first + place} page={page} one={one} at={first + place} sum={found[first + place]}
            of={Math.max(1e-12, ...found.map(Math.abs))} line={line} active={active} tokens={tokens} />
        ))}
      </div>
    </section>
  )
}

/** Keep a sentence in sight. */
function useScrolled(at: number): { current: HTMLDivElement | null } {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const line = document.getElementById(`sentence-${at}`)
    if (!line || !box.current) return
    const [above, high] = [line.offsetTop, box.current.clientHeight]
    if (above < box.current.scrollTop || above + line.clientHeight > box.current.scrollTop + high)
      box.current.scrollTop = above - high / 3
  }, [at])
  return box
}

/** The sentences of the whole text of which most is read: buttons that bring them into sight. */
function Strongest({ page, found, look }: { page: Page; found: number[]; look: (at: number) => void }) {
  const order = Array.from(found.keys()).sort((a, b) => Math.abs(found[b]) - Math.abs(found[a])).slice(0, MOST)
  return (
    <p class="strongest-sentences">
      <span class="help">{page.differs.value ? 'differing most' : page.reading.value === 'reads' ? 'read most' : 'reading most'}:</span>
      {order.filter((at) => found[at] !== 0).map((at) => (
        <button
          key={at} type="button" onClick={() => look(at)}
        >
          <span class="hidden">sentence </span>{at + 1} <i>{(page.differs.value ? signed : weight)(found[at])}</i>
        </button>
      ))}
    </p>
  )
}

interface Row {
  page: Page
  one: Sentence
  at: number
  sum: number
  of: number
  line: Float32Array | null
  active: number
  tokens: string[]
}

function Line({ page, one, at, sum, of, line, active, tokens }: Row) {
  const colours = { ...page.colours.value, scale: 'linear' as const }
  const shades = ramp(colours)
  const write = written(tokens)
  // Words within the sentence, against its strongest; the bar says what the sentence is worth.
  const most = line?.subarray(one.first, one.end).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12) ?? 1
  const strength = Math.abs(sum) / of
  const inside = active >= one.first && active < one.end
  return (
    <div id={`sentence-${at}`} role="option" aria-selected={inside} class={inside ? 'sentence active' : 'sentence'}>
      <span class="hidden">sentence {at + 1}, {(page.differs.value ? signed : weight)(sum)}: </span>
      <span class="worth" aria-hidden="true">
        <span class={page.differs.value ? (sum < 0 ? 'b' : 'a') : undefined} style={{ width: `${Math.round(100 * strength)}%` }} />
        <i>{(page.differs.value ? signed : weight)(sum)}</i>
      </span>
      <span class="words" dir="auto">
        {tokens.slice(one.first, one.end).map((token, place) => {
          const number = one.first + place
          const value = line?.[number] ?? 0
          const share = (Math.abs(value) / most) ** 0.7 * Math.sqrt(strength)
          const shade = shades[level(Math.sign(value) * share, colours)]
          return (
            <span
              key={number} class={number === active ? 'active' : undefined} title={`${number}: ${(page.differs.value ? signed : weight)(value)}`}
              style={{ background: css(shade), color: ink(shade), borderBottomWidth: `${Math.round(3 * share)}px` }}
              onClick={() => { page.choose(number); page.sayCursor() }}
            >{write(token, number).replace(/\n+/gu, ' ') || '∅'}</span>
          )
        })}
      </span>
    </div>
  )
}

function moved(event: KeyboardEvent, here: number, go: (at: number) => void): void {
  const steps: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return
  event.preventDefault()
  go(here + steps[event.key])
}
