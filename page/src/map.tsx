// The map: a canvas that a mouse, a finger or a keyboard moves over. What it shows is also said, and in tables.

import { effect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { cellAt, drawn, framed, told } from './draw'
import { Legend } from './legend'
import type { Page } from './state'
import { held, zoomed } from './viewport'

const KEYS =
  'Arrows move by one token, with Shift by ten, Page Up and Page Down by a screen, Home and End along the row. ' +
  'Plus and minus zoom, 0 shows all. Enter goes to the strongest key of the row. Escape leaves the map.'

export function Map({ page }: { page: Page }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const box = useRef<HTMLDivElement>(null)

  useEffect(() => {
    const element = canvas.current!
    const measure = (): void => { page.framed(framed(element.clientWidth, element.clientHeight)) }
    const watch = new ResizeObserver(measure)
    watch.observe(element)
    measure()
    let asked = 0
    const draw = (): void => { asked = 0; drawn(element, page) }
    const stop = effect(() => {
      // Whatever of these changes, it is drawn once, with the next picture of the screen.
      void [page.view.value, page.cursor.value, page.hover.value, page.colours.value, page.place.value, page.pooling.value]
      void [page.arrivals.value, page.tracks.value, page.frame.value]
      if (!asked) asked = requestAnimationFrame(draw)
    })
    return () => { stop(); watch.disconnect(); cancelAnimationFrame(asked) }
  }, [page])

  usePointer(box, page)

  const cell = page.hover.value ?? page.cursor.value
  void page.arrivals.value
  return (
    <section class="map" aria-labelledby="map-title">
      <h2 id="map-title" class="hidden">Map</h2>
      <div
        ref={box} class="canvas" role="application" tabIndex={0} aria-describedby="map-keys"
        aria-label={`Attention map of ${page.title.value}: queries go down, keys across`}
        onKeyDown={(event) => pressed(event, page)} onFocus={() => page.sayCursor()}
      >
        <canvas ref={canvas} aria-hidden="true" />
        <p class="axis keys" aria-hidden="true">keys →</p>
        <p class="axis queries" aria-hidden="true">queries ↓</p>
      </div>
      <div class="under">
        <p class="status">{told(page, cell.query, cell.key)}</p>
        <Legend page={page} />
        <details class="keyboard"><summary>keyboard</summary><p id="map-keys" class="help">{KEYS}</p></details>
      </div>
    </section>
  )
}

function usePointer(box: { current: HTMLDivElement | null }, page: Page): void {
  useEffect(() => {
    const element = box.current!
    let from: { x: number; y: number; moved: boolean } | null = null
    const at = (event: MouseEvent): [number, number] => {
      const { left, top } = element.getBoundingClientRect()
      return [event.clientX - left, event.clientY - top]
    }
    const handlers = {
      pointerdown(event: PointerEvent): void {
        from = { x: event.clientX, y: event.clientY, moved: false }
        element.setPointerCapture(event.pointerId)
      },
      pointermove(event: PointerEvent): void {
        if (!from) { page.hover.value = cellAt(page, ...at(event)); return }
        const [x, y] = [event.clientX - from.x, event.clientY - from.y]
        if (!from.moved && Math.hypot(x, y) < 4) return
        const { query, key, pixels } = page.view.value
        page.look(held({ query: query - y / pixels, key: key - x / pixels, pixels }, page.size.value, page.frame.value))
        from = { x: event.clientX, y: event.clientY, moved: true }
      },
      pointerup(event: PointerEvent): void {
        const cell = from && !from.moved ? cellAt(page, ...at(event)) : null
        from = null
        if (cell) { page.go(cell.query, cell.key); page.sayCursor() }
      },
      pointercancel(): void { from = null },
      pointerleave(): void { page.hover.value = null },
      dblclick(event: MouseEvent): void { page.look(zoomed(page.view.value, 2, ...at(event), page.size.value, page.frame.value)) },
      wheel(event: WheelEvent): void {
        event.preventDefault()
        const { query, key, pixels } = page.view.value
        const across = event.shiftKey ? event.deltaY : event.deltaX
        if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY))
          page.look(held({ query, key: key + across / pixels, pixels }, page.size.value, page.frame.value))
        else page.look(zoomed(page.view.value, 2 ** (-event.deltaY / 240), ...at(event), page.size.value, page.frame.value))
      },
    }
    for (const [name, handler] of Object.entries(handlers))
      element.addEventListener(name, handler as EventListener, { passive: false })
    return () => {
      for (const [name, handler] of Object.entries(handlers)) element.removeEventListener(name, handler as EventListener)
    }
  }, [page])
}

/** Zoom about the cursor where it is seen, otherwise about the middle. */
export function zoomBy(page: Page, factor: number): void {
  const [{ query, key }, view, frame] = [page.cursor.value, page.view.value, page.frame.value]
  const x = frame.left + (key + 0.5 - view.key) * view.pixels
  const y = frame.top + (query + 0.5 - view.query) * view.pixels
  const seen = x >= frame.left && y >= frame.top && x <= frame.left + frame.width && y <= frame.top + frame.height
  const [left, top] = seen ? [x, y] : [frame.left + frame.width / 2, frame.top + frame.height / 2]
  page.look(zoomed(view, factor, left, top, page.size.value, frame))
}

function pressed(event: KeyboardEvent, page: Page): void {
  if (event.altKey || event.metaKey) return
  const { query, key } = page.cursor.value
  const screen = Math.max(1, Math.floor(page.frame.value.height / page.view.value.pixels))
  const step = event.shiftKey ? 10 : 1
  const { queries, keys } = page.size.value
  const moves: Record<string, () => void> = {
    ArrowUp: () => page.go(query - step, key),
    ArrowDown: () => page.go(query + step, key),
    ArrowLeft: () => page.go(query, key - step),
    ArrowRight: () => page.go(query, key + step),
    PageUp: () => page.go(query - screen, key),
    PageDown: () => page.go(query + screen, key),
    Home: () => page.go(event.ctrlKey ? 0 : query, 0),
    End: () => page.go(event.ctrlKey ? queries - 1 : query, keys - 1),
    '+': () => zoomBy(page, 2),
    '=': () => zoomBy(page, 2),
    '-': () => zoomBy(page, 0.5),
    '0': () => page.fit(),
    Enter: () => { void page.strongest().then(() => spoken(page)) },
    Escape: () => document.getElementById('reading')?.focus(),
  }
  const move = moves[event.key]
  if (!move || (event.ctrlKey && event.key !== 'Home' && event.key !== 'End')) return
  event.preventDefault()
  move()
  if (event.key !== 'Escape') spoken(page)
}

let timer = 0

/** While keys are held down, only where the cursor rests is said. */
function spoken(page: Page): void {
  clearTimeout(timer)
  timer = setTimeout(() => page.sayCursor(), 150)
}
