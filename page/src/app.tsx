// The page put together: title and trust above, heads at the left, the map, and what the cursor reads at the right.

import { PALETTES, type Scale } from './colour'
import { Map, zoomBy } from './map'
import { Heads } from './overview'
import { Sentences } from './passage'
import { Picture } from './picture'
import { Tables, Text } from './reading'
import type { Page, Panel } from './state'
import type { Pooling, Side, Sinks } from './source'
import { Faithfulness } from './trust'
import { count, small } from './words'

export function App({ page }: { page: Page }) {
  const info = page.info.value
  const name = page.header.model.name || page.header.model.class
  return (
    <>
      <header class="top">
        <h1>Regard</h1>
        <Compared page={page} />
        <p class="where">
          {name ? <span dir="auto">{name}</span> : null}
          <b>{page.title.value}</b>
          <span title={info.name}>{info.name}</span>
          <span>{count(info.queries)} {info.queries === 1 ? 'query' : 'queries'} × {count(info.keys)} keys</span>
        </p>
        <Trust page={page} />
      </header>
      <Heads page={page} />
      <main>
        <Controls page={page} />
        <Map page={page} />
        <Below page={page} />
      </main>
      <aside aria-label="Reading">
        <Panels page={page} />
        {page.panel.value === 'cursor' ? <Tables page={page} /> : <Faithfulness page={page} />}
      </aside>
      <p class="hidden" role="status" aria-live="polite">{page.said.value}</p>
    </>
  )
}

/** What was read, as people read it: on the picture, sentence by sentence, or word by word. */
function Below({ page }: { page: Page }) {
  if (page.grid.value) return <Picture page={page} grid={page.grid.value} />
  return page.grain.value === 'sentences' ? <Sentences page={page} /> : <Text page={page} />
}

function Panels({ page }: { page: Page }) {
  return (
    <div class="switch" role="group" aria-label="What stands here">
      {(['cursor', 'trust'] as Panel[]).map((one) => (
        <button key={one} type="button" aria-pressed={page.panel.value === one} onClick={() => { page.panel.value = one }}>
          {one === 'cursor' ? 'at the cursor' : 'how far to trust it'}
        </button>
      ))}
    </div>
  )
}

/** Which two records are compared. */
function Compared({ page }: { page: Page }) {
  const { sides } = page.header
  if (!sides) return null
  return (
    <p class="compared">
      {sides.map((name, at) => <span key={at}><b class={`side ${'ab'[at]}`}>{'AB'[at]}</b> <span dir="auto">{name}</span></span>)}
    </p>
  )
}

/** How exact the weights are, and what is missing: beside the picture, always. */
function Trust({ page }: { page: Page }) {
  const { other } = page.header
  const proofs = [page.info.value.proof, ...(other ? [other.layers[page.layer.value].proof] : [])]
  const unseen = [...page.header.unseen, ...(other?.unseen ?? [])]
  const within = (what: 'weights' | 'row_sum'): string => proofs.map((one) => small(one[what])).join(' and ')
  return (
    <div class="trust">
      <p title="Measured when the record was made: a block of rows was computed again and compared with the model's own.">
        <span class="sign" aria-hidden="true">✓</span> checked: within {within('weights')} of the model’s weights, rows sum to 1 within {within('row_sum')}
      </p>
      {unseen.length ? (
        <details>
          <summary>{unseen.length} not seen</summary>
          <ul>{unseen.map((one, at) => <li key={at}><code>{one.name}</code> {one.reason}</li>)}</ul>
        </details>
      ) : <p>nothing was left unseen</p>}
      {page.source.note ? <p class="note">{page.source.note}</p> : null}
      {page.trouble.value ? <p class="trouble" role="alert">{page.trouble.value}</p> : null}
    </div>
  )
}

function Controls({ page }: { page: Page }) {
  const { batch } = page.info.value
  return (
    <div class="controls" role="group" aria-label="How the map is drawn">
      <span class="zoom">
        <button type="button" aria-label="zoom out" onClick={() => zoomBy(page, 0.5)}>−</button>
        <button type="button" aria-label="zoom in" onClick={() => zoomBy(page, 2)}>+</button>
        <button type="button" onClick={() => page.fit()}>all</button>
      </span>
      {page.header.sides ? (
        <Choice label="shown" value={page.side.value} choices={{ difference: 'A − B', first: 'A', second: 'B' }}
          title="The first record, the second, or the first less the second"
          choose={(one) => page.show(one as Side)} />
      ) : null}
      <Choice label="cells" value={page.pooling.value} choices={{ sum: 'sum', max: 'maximum' }}
        title="Zoomed out: the sum over keys of the mean over queries, or the largest weight in it"
        choose={(one) => { page.pooling.value = one as Pooling }} />
      <Choice label="first token" value={page.sinks.value} choices={{ kept: 'shown', 'left-out': 'left out' }}
        title="Left out: what is read of it, or of a learned sink, is hidden, and the rest of a row sums to one again"
        choose={(one) => { page.sinks.value = one as Sinks }} />
      <Choice label="scale" value={page.scale.value} choices={{ log: 'log', linear: 'linear' }}
        choose={(one) => { page.scale.value = one as Scale }} />
      {page.differs.value ? null : (
        <Choice label="colours" value={page.palette.value} choices={Object.fromEntries(PALETTES.map((one) => [one, one]))}
          choose={(one) => { page.palette.value = one }} />
      )}
      {batch > 1 ? (
        <Choice label="text" value={String(page.batch.value)}
          choices={Object.fromEntries(Array.from({ length: batch }, (_, at) => [String(at), String(at)]))}
          choose={(one) => { page.batch.value = Number(one) }} />
      ) : null}
    </div>
  )
}

interface Choosing {
  label: string
  value: string
  choices: Record<string, string>
  title?: string
  choose: (one: string) => void
}

function Choice({ label, value, choices, title, choose }: Choosing) {
  return (
    <label title={title}>
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {Object.entries(choices).map(([key, name]) => <option key={key} value={key}>{name}</option>)}
      </select>
    </label>
  )
}
