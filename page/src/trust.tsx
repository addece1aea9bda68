// How far to trust the picture: what was measured of heads, between what random and the best orders give.

import { ABOUT, type About, type Finding, type Measured } from './measured'
import type { Page } from './state'

const WIDTH = 132
const HEIGHT = 24
const EDGE = 6

export function Faithfulness({ page }: { page: Page }) {
  const found = page.header.measured
  return (
    <section class="reading faithfulness" id="reading" tabIndex={-1} aria-labelledby="reading-title">
      <h2 id="reading-title" class="hidden">How far to trust it</h2>
      <p class="help">Weights say what was read, not what mattered{page.header.sides ? '; of A:' : '.'}</p>
      {found && found.heads.length ? <Found page={page} found={found} /> : <Missing page={page} />}
    </section>
  )
}

function Missing({ page }: { page: Page }) {
  const command = ['regard look', page.header.model.name || 'MODEL', '--text FILE', '--faithfulness', '--save RECORD']
  return (
    <>
      <p>Nothing was measured for this record. A model of Hugging Face that writes, and the text, measure it:</p>
      <p><code class="command">{command.map((part) => <><bdi key={part}>{part}</bdi> </>)}</code></p>
      <p class="help">It erases what heads read most, keeps only that, leaves keys out one by one, and watches what the model would write next.</p>
    </>
  )
}

function Found({ page, found }: { page: Page; found: Measured }) {
  const { passages, protocol } = found
  return (
    <>
      <p class="protocol">
        <span dir="auto">{found.model}</span> read {passages} {passages === 1 ? 'passage' : 'passages'} of {protocol.tokens} tokens,
        each by itself. The last row of one head was changed, and the probability of the token watched that the model itself
        would write next.
      </p>
      <Key />
      {ABOUT.filter((about) => found.heads.some((one) => one.findings[about.name])).map((about) => (
        <Measure key={about.name} page={page} found={found} about={about} />
      ))}
      <p class="help">
        Random: the mean of {protocol.orders} orders (seed {protocol.seed}). Best: an order found step by step, each time the key that
        changes most. Whiskers: 95 % bootstrap intervals over passages. p: paired sign flips against random, Holm-corrected
        for {found.heads.length} {found.heads.length === 1 ? 'head' : 'heads'}. Other heads may make up for one that is changed.
      </p>
    </>
  )
}

/** What the signs of the charts are. */
function Key() {
  return (
    <p class="key" aria-hidden="true">
      <svg width="16" height="16"><circle class="random" cx="8" cy="8" r="4" /></svg>random
      <svg width="30" height="16"><path class="whisker" d="M2 8H28M2 5V11M28 5V11" /><circle class="ours" cx="15" cy="8" r="4.5" /></svg>by weight
      <svg width="16" height="16"><path class="best" d="M8 2V14" /></svg>best
    </p>
  )
}

interface Part { page: Page; found: Measured; about: About }

function Measure({ page, found, about }: Part) {
  const heads = found.heads.filter((one) => one.findings[about.name])
  const along = scaled(heads.map((one) => one.findings[about.name]))
  return (
    <>
      <table class="measure">
        <caption>{about.title}<span class="help">{about.says(found.protocol)}</span></caption>
        <thead>
          <tr><th scope="col">head</th><td><Axis along={along} /></td><th scope="col" class="number">by weight</th></tr>
        </thead>
        <tbody>
          {heads.map((one) => {
            const finding = one.findings[about.name]
            const open = opener(page, one)
            return (
              <tr key={`${one.layer}.${one.head}`} class={open.shown ? 'chosen' : undefined}>
                <th scope="row">
                  <button type="button" class="token" disabled={!open.go} title={one.layer} onClick={open.go ?? undefined}>{open.name}</button>
                </th>
                <td class="chart"><Chart finding={finding} along={along} /></td>
                <td class="number">
                  {number(finding.mean)}
                  {finding.chance === null ? null : <small>p {chance(finding.chance)}</small>}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      <Numbers page={page} found={found} about={about} />
    </>
  )
}

/** The same, in numbers alone. */
function Numbers({ page, found, about }: Part) {
  const names = ['head', 'by weight', 'from', 'to', ...(about.bounds ?? [])]
  return (
    <details class="numbers">
      <summary>numbers<span class="hidden"> of {about.title}</span></summary>
      <table>
        <thead><tr>{names.map((name, at) => <th key={name} scope="col" class={at ? 'number' : undefined}>{name}</th>)}</tr></thead>
        <tbody>
          {found.heads.filter((one) => one.findings[about.name]).map((one) => {
            const { mean, low, high, random, best } = one.findings[about.name]
            const values = [mean, low, high, ...(about.bounds ? [random, best] : [])]
            return (
              <tr key={`${one.layer}.${one.head}`}>
                <th scope="row">{opener(page, one).name}</th>
                {values.map((value, at) => <td key={at} class="number">{value === null ? '–' : number(value)}</td>)}
              </tr>
            )
          })}
        </tbody>
      </table>
    </details>
  )
}

/** A measured head among those of the record: its name, and how to go to it where it can be opened. */
function opener(page: Page, one: { layer: string; head: number }): { name: string; shown: boolean; go: (() => void) | null } {
  const layer = page.header.layers.findIndex((info) => info.name === one.layer)
  const head = layer < 0 ? -1 : page.header.layers[layer].head_numbers.indexOf(one.head)
  const there = head >= 0 && page.source.has(layer, head, page.batch.value)
  return {
    name: layer < 0 ? `?.${one.head}` : `${layer}.${one.head}`,
    shown: page.layer.value === layer && page.head.value === head,
    go: there ? () => page.open(layer, head) : null,
  }
}

type Along = { of: (value: number) => number; low: number; high: number }

/** Where numbers stand in the charts of a measure: 0 and all of them are within. */
function scaled(findings: Finding[]): Along {
  const all = findings.flatMap((one) => [one.low, one.high, one.mean, one.random, one.best]).filter((one) => one !== null)
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)]
  const room = Math.max(high - low, 1e-9)
  return { low, high, of: (value) => EDGE + ((value - low) / room) * (WIDTH - 2 * EDGE) }
}

function Axis({ along }: { along: Along }) {
  // The ends are told where there is room beside the 0.
  const ends = [along.low, along.high].filter((one) => Math.abs(along.of(one) - along.of(0)) > 34)
  return (
    <svg class="axis-line" width={WIDTH} height={14} aria-hidden="true">
      {[0, ...ends].map((value) => (
        <text key={value} x={along.of(value)} y={11} text-anchor={along.of(value) < 14 ? 'start' : along.of(value) > WIDTH - 14 ? 'end' : 'middle'}>
          {number(value)}
        </text>
      ))}
    </svg>
  )
}

function Chart({ finding, along }: { finding: Finding; along: Along }) {
  const { of } = along
  const { mean, low, high, random, best } = finding
  const middle = HEIGHT / 2
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={told(finding)}>
      <path class="zero" d={`M${of(0)} 0V${HEIGHT}`} />
      {random === null || best === null ? null : (
        <rect class="range" x={Math.min(of(random), of(best))} y={middle - 4} width={Math.max(1, Math.abs(of(best) - of(random)))} height={8} />
      )}
      {random === null ? null : <circle class="random" cx={of(random)} cy={middle} r={4} />}
      {best === null ? null : <path class="best" d={`M${of(best)} ${middle - 7}V${middle + 7}`} />}
      <path class="whisker" d={`M${of(low)} ${middle}H${of(high)}M${of(low)} ${middle - 3}V${middle + 3}M${of(high)} ${middle - 3}V${middle + 3}`} />
      <circle class="ours" cx={of(mean)} cy={middle} r={4.5} />
    </svg>
  )
}

function told({ mean, low, high, random, best }: Finding): string {
  const bounds = random === null || best === null ? '' : `, between ${number(random)} at random and ${number(best)} at best`
  return `${number(mean)}, interval ${number(low)} to ${number(high)}${bounds}`
}

const number = (value: number): string =>
  value === 0 ? '0' : `${value < 0 ? '−' : ''}${Math.abs(value) >= 0.001 ? Math.abs(value).toFixed(3) : Math.abs(value).toExponential(0)}`

const chance = (value: number): string => (value < 0.001 ? '< 0.001' : value.toFixed(3))
