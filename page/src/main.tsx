// Where the page begins: a record in the file itself, or one that is served.

import { render } from 'preact'
import './page.css'
import { App } from './app'
import { beside } from './beside'
import { embedded } from './embedded'
import { served } from './served'
import type { Header, Source } from './source'
import { Page } from './state'

async function found(): Promise<[Source, Header]> {
  const data = document.getElementById('regard-record')
  const first = data ? await embedded(data.textContent!) : served('/api')
  const header = await first.record()
  if (!header.sides) return [first, header]
  const second = data ? await embedded(document.getElementById('regard-other')!.textContent!) : served('/other')
  return [beside(first, second), { ...header, other: await second.record() }]
}

async function begin(): Promise<Page | null> {
  const root = document.getElementById('page')!
  try {
    const page = new Page(...await found())
    root.textContent = ''
    render(<App page={page} />, root)
    return page
  } catch (error) {
    root.textContent = `This record cannot be shown: ${(error as Error).message}`
    return null
  }
}

/** For a console: `(await regard.opened).source.tile({ layer: 0, head: 0, ... })` gives the numbers of a picture. */
export const opened = begin()
