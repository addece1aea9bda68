// The picture whose patches are tokens: what is read of it is left bright, the rest is dimmed.

import { useEffect, useRef, useState } from 'preact/hooks'
import { css, ink, level, ramp } from './colour'
import { Kinds } from './reading'
import type { Grid } from './source'
import type { Page } from './state'
import { shown, signed, weight } from './words'

const LONGEST = 340
const DIM = 0.8

/** Where the patches of a picture stand, in pixels of the page. */
interface Place { grid: Grid; width: number; height: number }

export function Picture({ page, grid }: { page: Page; grid: Grid }) {
  const image = useImage(grid.png)
  const canvas = useRef<HTMLCanvasElement>(null)
  const line = page.line.value
  const colours = page.colours.value
  const { query, key } = page.cursor.value
  const reads = page.reading.value === 'reads' || !page.alike.value
  const active = reads && page.alike.value ? query : key
  const place = image && placed(grid, image)
  useEffect(() => {
    if (canvas.current && image && place) draw(canvas.current, image, place, page, active)
  }, [image, line, colours, active])
  const says = reads ? `Read by ${page.query(query)}` : `Readers of ${page.key(key)}`
  return (
    <section class="text picture" aria-labelledby="picture-title">
      <div
        class="patches" role="application" tabIndex={0}
        aria-label={`Picture of ${grid.rows} by ${grid.columns} patches. ${says}. Arrows move from patch to patch, Enter goes to the strongest.`}
        onKeyDown={(event) => pressed(event, page, grid, active)} onFocus={() => page.sayCursor()}
      >
        {place ? (
          <canvas
            ref={canvas} aria-hidden="true" style={{ width: `${place.width}px`, height: `${place.height}px` }}
            onClick={(event) => { choose(page, patchAt(event, place)); page.sayCursor() }}
            onPointerMove={(event) => hover(page, patchAt(event, place), reads)}
            onPointerLeave={() => { page.hover.value = null }}
          />
        ) : null}
      </div>
      <div class="beside">
        <h2 id="picture-title">Picture</h2>
        {page.alike.value ? <Kinds page={page} /> : null}
        <p class="help" dir="auto">{says}: {page.differs.value ? 'orange where A reads more, blue where B does' : 'bright patches are read most'}.</p>
        <Others page={page} grid={grid} line={line} active={active} />
        <p class="help">Patches are cut from left to right and from the top down; each is named by its row and column, from 0.</p>
      </div>
    </section>
  )
}

function useImage(png: string): HTMLImageElement | null {
  const [image, found] = useState<HTMLImageElement | null>(null)
  useEffect(() => {
    const given = new Image()
    given.onload = () => found(given)
    // Pixels that were encoded for this page: never an address.
    given.src = `data:image/png;base64,${png}`
  }, [png])
  return image
}

function placed(grid: Grid, image: HTMLImageElement): Place {
  const scale = LONGEST / Math.max(image.width, image.height)
  return { grid, width: Math.max(40, Math.round(image.width * scale)), height: Math.max(40, Math.round(image.height * scale)) }
}

/** Tokens that are no patch, such as the class: buttons, shaded like the tokens of a text. */
function Others({ page, grid, line, active }: { page: Page; grid: Grid; line: Float32Array | null; active: number }) {
  const count = grid.before + grid.rows * grid.columns + grid.after
  const others = Array.from({ length: count }, (_, at) => at).filter((at) => patchOf(grid, at) === null)
  if (!others.length) return null
  const colours = { ...page.colours.value, scale: 'linear' as const }
  const shades = ramp(colours)
  const most = largest(line)
  return (
    <>
      <p class="help">tokens that are no patch:</p>
      <p class="others">
        {others.map((at) => {
          const value = line?.[at] ?? 0
          const shade = shades[level(share(value, most) * Math.sign(value), colours)]
          return (
            <button
              key={at} type="button" aria-pressed={at === active} style={{ background: css(shade), color: ink(shade) }}
              onClick={() => { choose(page, at); page.sayCursor() }}
            >
              <bdi>{shown(page.keyTokens.value[at])}</bdi> {(page.differs.value ? signed : weight)(value)}
            </button>
          )
        })}
      </p>
    </>
  )
}

/** Where queries are patches too, a patch is asked what it reads; of a text that reads a picture, its key moves. */
function choose(page: Page, at: number | null): void {
  if (at === null) return
  page.hover.value = null
  if (page.alike.value) page.choose(at)
  else page.go(page.cursor.value.query, at)
}

function hover(page: Page, at: number | null, reads: boolean): void {
  const { query, key } = page.cursor.value
  page.hover.value = at === null ? null : reads ? { query, key: at } : { query: at, key }
}

function pressed(event: KeyboardEvent, page: Page, grid: Grid, active: number): void {
  const at = patchOf(grid, active) ?? { row: 0, column: 0 }
  const to = (row: number, column: number) => (): void => {
    const [down, across] = [Math.max(0, Math.min(grid.rows - 1, row)), Math.max(0, Math.min(grid.columns - 1, column))]
    choose(page, grid.before + down * grid.columns + across)
  }
  const moves: Record<string, () => void> = {
    ArrowUp: to(at.row - 1, at.column), ArrowDown: to(at.row + 1, at.column),
    ArrowLeft: to(at.row, at.column - 1), ArrowRight: to(at.row, at.column + 1),
    Home: to(at.row, 0), End: to(at.row, grid.columns - 1),
    Enter: () => { strongest(page, grid) },
  }
  const move = moves[event.key]
  if (!move || event.altKey || event.ctrlKey || event.metaKey) return
  event.preventDefault()
  move()
  page.sayCursor()
}

function strongest(page: Page, grid: Grid): void {
  const line = page.line.peek()
  if (!line) return
  const patches = Array.from(line.keys()).filter((at) => patchOf(grid, at) !== null)
  choose(page, patches.reduce((best, at) => (Math.abs(line[at]) > Math.abs(line[best]) ? at : best)))
}

function patchOf(grid: Grid, token: number): { row: number; column: number } | null {
  const at = token - grid.before
  if (at < 0 || at >= grid.rows * grid.columns) return null
  return { row: Math.floor(at / grid.columns), column: at % grid.columns }
}

function patchAt(event: MouseEvent, { grid, width, height }: Place): number {
  const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect()
  const column = Math.floor(((event.clientX - left) / width) * grid.columns)
  const row = Math.floor(((event.clientY - top) / height) * grid.rows)
  return grid.before + Math.max(0, Math.min(grid.rows - 1, row)) * grid.columns + Math.max(0, Math.min(grid.columns - 1, column))
}

const largest = (line: Float32Array | null): number => line?.reduce((most, one) => Math.max(most, Math.abs(one)), 1e-12) ?? 1
const share = (value: number, most: number): number => (Math.abs(value) / most) ** 0.7

function draw(canvas: HTMLCanvasElement, image: HTMLImageElement, place: Place, page: Page, active: number): void {
  const { grid, width, height } = place
  const ratio = devicePixelRatio || 1
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  const context = canvas.getContext('2d')!
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.drawImage(image, 0, 0, width, height)
  const [across, down] = [width / grid.columns, height / grid.rows]
  const edge = (at: number, size: number): number => Math.round(at * size)
  const box = (row: number, column: number): [number, number, number, number] => [
    edge(column, across), edge(row, down), edge(column + 1, across) - edge(column, across), edge(row + 1, down) - edge(row, down),
  ]
  const line = page.line.peek()
  const shades = ramp(page.colours.peek())
  // Against the strongest patch: a class token that takes most would leave all of them dark.
  const most = largest(line && line.slice(grid.before, grid.before + grid.rows * grid.columns))
  for (let at = 0; at < grid.rows * grid.columns; at++) {
    const value = line?.[grid.before + at] ?? 0
    const bright = share(value, most)
    const where = box(Math.floor(at / grid.columns), at % grid.columns)
    context.fillStyle = `rgb(10 12 18 / ${DIM * (page.differs.peek() ? 0.6 : 1 - bright)})`
    context.fillRect(...where)
    if (!page.differs.peek()) continue
    context.globalAlpha = 0.85 * bright
    context.fillStyle = css(shades[value < 0 ? 50 : 205])
    context.fillRect(...where)
    context.globalAlpha = 1
  }
  const here = patchOf(grid, active)
  if (here) outlined(context, box(here.row, here.column), getComputedStyle(canvas).getPropertyValue('--accent').trim())
}

function outlined(context: CanvasRenderingContext2D, [left, top, width, height]: [number, number, number, number], accent: string): void {
  for (const [colour, thick] of [['#fff', 5], [accent, 2.5]] as const) {
    context.strokeStyle = colour
    context.lineWidth = thick
    context.strokeRect(left, top, width, height)
  }
}
